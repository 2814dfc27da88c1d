"""What a module input must see, kept as plain lists, beside the real queues, store and delivery."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from edge_runtime.hub import module_delivery
from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.confirmations import Confirmations
from edge_runtime.hub.database import open_database
from edge_runtime.hub.endpoint import EndpointQueues
from edge_runtime.hub.message import Message
from edge_runtime.hub.module_delivery import ModuleDelivery
from edge_runtime.hub.ports import JsonObject
from edge_runtime.hub.queue_store import QueueStore, Stored
from tests.hub.messages import ENDPOINT, message
from tests.patience import PATIENCE_S


class ModelLink:
    """Checks each message as it is sent; confirmations wait in `unconfirmed`."""

    peer = "127.0.0.1:1"
    model_id: str | None = None

    def __init__(self, model: DeliveryModel) -> None:
        self.writable = True
        self.unconfirmed: dict[int, Callable[[], None]] = {}
        self._model = model

    def deliver(
        self, input_name: str, message: Message, *, redelivery: bool, acked: Callable[[], None]
    ) -> None:
        assert self.writable
        number = int(message.app["n"] or -1)
        self._model.sent(number, redelivery=redelivery)
        self.unconfirmed[number] = acked

    def invoke(self, request_id: str, method: str, payload: bytes) -> None:
        raise NotImplementedError

    def patch_desired(self, patch: JsonObject, version: int) -> None:
        raise NotImplementedError

    def close(self, reason: str) -> None:
        raise NotImplementedError


class _SlowStore(QueueStore):
    """What is read arrives some turns of the loop later."""

    turns = 0

    async def read(
        self, endpoint: str, rank: int, after: int, limit: int, *, most_bytes: int = 1 << 22
    ) -> list[Stored]:
        rows = await super().read(endpoint, rank, after, limit, most_bytes=most_bytes)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return rows


class DeliveryModel:
    """Drives the real parts and compares them with the lists after every step."""

    def __init__(self, database: Path, *, read_turns: int) -> None:
        self._database = database
        self._read_turns = read_turns
        self._durable: deque[Callable[[], None]] = deque()
        self._failures: list[Exception] = []
        self.rank: dict[int, int] = {}  # every message that was submitted
        self.announced: set[int] = set()
        self.confirmed: set[int] = set()  # for good: not those whose place in the window was taken at a crash
        self._confirmed_before: frozenset[int] = frozenset()  # by an earlier life
        self._sent_in_this_life: Counter[int] = Counter()
        self._ever_sent: set[int] = set()
        self._run: dict[int, int] = {}  # rank -> the last number sent since the last attach or rewind
        self._first: dict[int, int] = defaultdict(lambda: -1)  # rank -> highest number ever sent
        self.link: ModelLink | None = None
        self.old_links: list[ModelLink] = []

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.commits = CommitThread(lambda: open_database(self._database), loop, self._failures.append)
        self.commits.start()
        self.store = _SlowStore(self._database, self.commits)
        self.store.turns = self._read_turns
        queues = EndpointQueues(ENDPOINT, self.store, lambda _: None, self._failures.append)
        with closing(open_database(self._database)) as connection:
            self.confirmations = Confirmations(self._database, connection, self.commits)
        self.delivery = ModuleDelivery("frames", queues, self.confirmations, self._delivered)
        await queues.recover()
        await queues.count()

    def close(self) -> None:
        self.delivery.detach()
        self.delivery.queues.close()
        self.commits.stop()
        self.confirmations.close()
        self.store.close()

    # Steps -------------------------------------------------------------------------------------

    def commit(self, rank: int, size: int) -> None:
        number, delivery = len(self.rank), self.delivery
        self.rank[number] = rank

        def announce(stored: Stored) -> None:
            self.announced.add(number)
            delivery.queues.committed(stored, rank)

        def committed(rows: Sequence[Stored]) -> None:
            self._durable.append(partial(announce, rows[0]))

        self.store.append([(ENDPOINT, rank, None)], message(number, size), committed)

    async def announce(self, count: int) -> None:
        """All commits are durable, the callbacks of some run: rows of the others may be read from disk first."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.announced) + len(self._durable) < len(self.rank):
                await asyncio.sleep(0)
        for _ in range(min(count, len(self._durable))):
            self._durable.popleft()()

    async def end_reads(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.delivery.queues._refills:
                await asyncio.sleep(0)

    def attach(self) -> None:
        if self.link is not None:
            self.old_links.append(self.link)
        self.link = ModelLink(self)
        self._run = {}
        self.delivery.attach(self.link)

    def detach(self) -> None:
        if self.link is not None:
            self.old_links.append(self.link)
            self.link = None
        self.delivery.detach()

    def confirm(self, choice: int) -> None:
        """The receiver confirms any of its messages: not always the oldest."""
        if self.link is not None and self.link.unconfirmed:
            numbers = list(self.link.unconfirmed)
            self.link.unconfirmed.pop(numbers[choice % len(numbers)])()

    def confirm_on_dead_links(self) -> None:
        for link in self.old_links:
            if link.unconfirmed:
                link.unconfirmed.popitem()[1]()

    def congest(self) -> None:
        if self.link is not None:
            self.link.writable = False

    def drain(self) -> None:
        if self.link is not None:
            self.link.writable = True
            self.delivery.pump()

    def time_out(self) -> None:
        """As when the oldest had not been confirmed for 30 s."""
        self._run = {}
        self.delivery._stop_timer()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module_delivery, "ACK_TIMEOUT_S", 0.0)
            self.delivery._check_oldest()

    async def restart(self, *, crash: bool) -> None:
        """With `crash`, deletes that had not reached the disk are lost; commits reach it all the same."""
        if crash:
            self.confirmed -= {int(stored.message.app["n"] or -1) for stored in self.delivery._confirmed}
            self.delivery._confirmed.clear()
            self.commits._lazy.clear()
        self.detach()
        self.old_links.clear()
        self._durable = deque()
        self.close()
        self.announced = set(self.rank)
        self._confirmed_before = frozenset(self.confirmed)
        self._sent_in_this_life.clear()
        await self.open()

    async def finish(self) -> None:
        """A receiver that confirms everything gets whatever was left, and nothing is left then."""
        self.attach()
        async with asyncio.timeout(PATIENCE_S):
            while len(self.announced) < len(self.rank) or self.left():
                await self.announce(1)
                self.confirm(0)
                await asyncio.sleep(0)
        assert self.confirmed == set(self.rank)
        assert self.delivery.unconfirmed == 0

    def left(self) -> int:
        return sum(self.delivery.queues.lengths.values()) + self.delivery.unconfirmed

    # What must hold ----------------------------------------------------------------------------

    def sent(self, number: int, *, redelivery: bool) -> None:
        rank = self.rank[number]
        assert number not in self.confirmed, "confirmed, yet sent again"
        assert redelivery == (self._sent_in_this_life[number] > 0)
        assert number > self._run.get(rank, -1), "out of order on this connection"
        if number not in self._ever_sent:
            assert number > self._first[rank], "overtook an older one of its queue"
            self._first[rank] = number
        if not redelivery:
            urgent = {n for n in self.announced if self.rank[n] < rank} - self._ever_sent - self.confirmed
            assert not urgent, "a more urgent one was waiting"
        self._run[rank] = number
        self._sent_in_this_life[number] += 1
        self._ever_sent.add(number)

    def check(self) -> None:
        assert self._failures == []
        assert len(self.delivery._in_flight) + len(self.delivery._confirmed) <= module_delivery.WINDOW
        taken = Counter(self.rank[n] for n in self._sent_in_this_life)
        announced = Counter(self.rank[n] for n in self.announced - self._confirmed_before)
        for rank, length in self.delivery.queues.lengths.items():
            assert length == max(0, announced[rank] - taken[rank]), f"rank {rank}"

    def _delivered(self, stored: Stored, redelivery: bool, sent_at: float) -> None:
        self.confirmed.add(int(stored.message.app["n"] or -1))
