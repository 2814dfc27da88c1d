"""The store's limit, with the real store and the real commit thread."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from edge_runtime.hub.admission import RESERVE, SMALL_QUEUE, Admission, StoreStatus
from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.database import open_database
from edge_runtime.hub.queue_store import QueueStore, Stored
from tests.hub.links import RecordingLink
from tests.hub.messages import message, number
from tests.patience import eventually

LIMIT = 512 * 1024
SIZE = 4000
FULL, FLOWING = "iothub", "edge/classifier/frames"


class Sender:
    """Submits numbered messages and notes what is stored."""

    def __init__(self, store: QueueStore, commits: CommitThread, limit: int) -> None:
        self.stored: dict[str, list[Stored]] = {FULL: [], FLOWING: []}
        self.submitted: Counter[str] = Counter()
        self.removed: Counter[str] = Counter()
        self.admission = Admission(store, commits, limit, self._queued)
        self.link = RecordingLink()
        self._store = store

    def _queued(self, endpoint: str) -> int:
        return len(self.stored[endpoint]) - self.removed[endpoint]

    def send(self, *endpoints: str, size: int = SIZE) -> None:
        n = self.submitted[endpoints[0]]
        self.submitted.update(endpoints)

        def done(rows: Sequence[Stored]) -> None:
            for endpoint, row in zip(endpoints, rows, strict=True):
                self.stored[endpoint].append(row)

        copies = [(endpoint, 0, None) for endpoint in endpoints]
        self.admission.append(copies, message(n, size), done, lambda: self.link)

    def remove(self, endpoint: str, count: int) -> None:
        """As when the oldest have been delivered."""
        rows = self.stored[endpoint][self.removed[endpoint] :][:count]
        self.removed[endpoint] += len(rows)
        self._store.remove([row.key for row in rows])

    def numbers(self, endpoint: str) -> list[int]:
        return [number(row) for row in self.stored[endpoint]]

    async def fill(self) -> int:
        """Send to an endpoint that nobody empties until messages wait; how many were stored."""
        while not self.admission.waiting:  # patience is for each commit: a hundred of them have a pace
            self.send(FULL)
            await self.settle()
        return len(self.stored[FULL])

    async def settle(self) -> None:
        await eventually(lambda: self._store.uncommitted_bytes == 0)


@pytest.fixture
async def sender(store: QueueStore, commits: CommitThread) -> AsyncIterator[Sender]:
    yield Sender(store, commits, LIMIT)
    await commits.run("DELETE FROM messages", [()])


async def test_what_has_no_room_waits_and_comes_in_order_when_there_is_some(
    sender: Sender, database: Path
) -> None:
    stored = await sender.fill()
    for _ in range(50):
        sender.send(FULL)
    await sender.settle()
    assert len(sender.stored[FULL]) == stored
    assert sender.admission.waiting == 51
    assert sender.admission.status is StoreStatus.LIMIT
    assert (1 - RESERVE) * LIMIT - 4 * SIZE < sender.admission.used_bytes <= LIMIT

    sender.remove(FULL, stored)
    await eventually(lambda: not sender.admission.waiting)
    await sender.settle()
    assert sender.numbers(FULL) == list(range(stored + 51))
    await eventually(lambda: sender.admission.status is StoreStatus.OK)
    assert database.stat().st_size <= LIMIT


async def test_an_endpoint_that_flows_goes_on_while_another_has_filled_the_store(sender: Sender) -> None:
    stored = await sender.fill()
    for _ in range(300):
        sender.send(FLOWING)
        await eventually(lambda: len(sender.stored[FLOWING]) == sender.submitted[FLOWING])
        sender.remove(FLOWING, 1)
    assert len(sender.stored[FULL]) == stored
    assert sender.admission.used_bytes <= LIMIT


@pytest.mark.parametrize(("size", "most"), [(10, SMALL_QUEUE), (SIZE, RESERVE * LIMIT / 4 / SIZE)])
async def test_an_endpoint_that_flows_no_more_waits_too(sender: Sender, size: int, most: float) -> None:
    await sender.fill()
    for _ in range(SMALL_QUEUE + 50):
        sender.send(FLOWING, size=size)
        await sender.settle()
    assert 0 < len(sender.stored[FLOWING]) <= most
    assert sender.admission.used_bytes < LIMIT


async def test_nothing_overtakes_a_message_of_the_same_endpoint(sender: Sender) -> None:
    await sender.fill()
    sender.send(FULL, FLOWING)  # waits for both
    sender.send(FLOWING)
    await sender.settle()
    assert sender.numbers(FLOWING) == []
    sender.remove(FULL, 40)
    await eventually(lambda: not sender.admission.waiting)
    await sender.settle()
    assert [row.sequence for row in sender.stored[FLOWING]] == sorted(
        row.sequence for row in sender.stored[FLOWING]
    )
    assert len(sender.stored[FLOWING]) == 2


async def test_the_limit_can_be_raised_and_lowered_below_what_is_stored(sender: Sender) -> None:
    stored = await sender.fill()
    sender.admission.limit_bytes = 2 * LIMIT
    await sender.settle()
    assert len(sender.stored[FULL]) == stored + 1
    assert sender.admission.status is StoreStatus.OK

    sender.admission.limit_bytes = LIMIT // 2
    sender.send(FULL)
    sender.send(FLOWING)
    sender.remove(FULL, stored // 4)
    await eventually(lambda: len(sender.admission._store._commits._lazy) == 0)
    await sender.settle()
    assert (len(sender.stored[FULL]), sender.numbers(FLOWING)) == (stored + 1, [])
    sender.remove(FULL, stored)
    await eventually(lambda: len(sender.stored[FULL]) == stored + 2 and len(sender.stored[FLOWING]) == 1)


async def test_what_waits_leaves_with_its_connection(sender: Sender) -> None:
    stored = await sender.fill()
    old, sender.link = sender.link, RecordingLink()
    sender.send(FULL)
    sender.admission.abandon(old)
    assert sender.admission.waiting == 1
    sender.remove(FULL, stored)
    await eventually(lambda: len(sender.stored[FULL]) == stored + 1)
    assert sender.numbers(FULL)[-1] == stored + 1  # the one before was the old connection's


async def test_an_episode_is_counted_and_logged_once(
    sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    stored = await sender.fill()
    for _ in range(5):
        sender.send(FULL)
        sender.remove(FULL, 8)
        await eventually(lambda: not sender.admission.waiting)
        await sender.fill()
    assert sender.admission.episodes == {"limit": 1}
    sender.remove(FULL, stored)
    await eventually(lambda: sender.admission.status is StoreStatus.OK)
    await sender.fill()
    assert sender.admission.episodes == {"limit": 2}
    said = [record.getMessage() for record in caplog.records]
    assert [text.split(":")[0].split(" (")[0] for text in said] == [
        "The store has reached its limit",
        "The store has room again",
        "The store has reached its limit",
    ]


async def test_a_store_that_was_full_before_a_restart_is_full_after_it(
    database: Path, sender: Sender
) -> None:
    stored = await sender.fill()
    commits = CommitThread(lambda: open_database(database), asyncio.get_running_loop(), lambda _: None)
    store = QueueStore(database, commits)
    again = Sender(store, commits, LIMIT)
    again.stored[FULL] = list(sender.stored[FULL])
    again.send(FULL)
    assert (again.admission.waiting, stored > SMALL_QUEUE) == (1, True)
    store.close()
