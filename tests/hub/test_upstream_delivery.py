from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import pytest

from edge_runtime.hub import backoff, endpoint, upstream_delivery
from edge_runtime.hub.endpoint import EndpointQueues
from edge_runtime.hub.measurements import Measurements
from edge_runtime.hub.queue_store import QueueStore, Stored
from edge_runtime.hub.upstream_delivery import UpstreamDelivery, UpstreamError
from tests.hub.messages import append, number
from tests.patience import PATIENCE_S

ENDPOINT = "iothub"


class SteppedUpstream:
    """Answers each batch when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.on_batch: Callable[[int], object] = lambda _: None
        self._answers: asyncio.Queue[Mapping[int, str] | UpstreamError] = asyncio.Queue()

    async def send(self, batch: Sequence[Stored]) -> Mapping[int, str]:
        self.batches.append([number(stored) for stored in batch])
        self.on_batch(len(self.batches))
        answer = await self._answers.get()
        if isinstance(answer, UpstreamError):
            raise answer
        return answer

    def answer(self, answer: Mapping[int, str] | UpstreamError) -> None:
        self._answers.put_nowait(answer)

    async def asked(self, batches: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.batches) < batches:
                await asyncio.sleep(0)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> SteppedUpstream:
    monkeypatch.setattr(upstream_delivery, "BATCH", 2)
    monkeypatch.setattr(backoff, "FIRST_S", 0.01)
    return SteppedUpstream()


class Outcome:
    def __init__(self) -> None:
        self.delivered: list[int] = []
        self.rejected: list[tuple[int, str]] = []
        self.expired: list[int] = []


@pytest.fixture
def outcome() -> Outcome:
    return Outcome()


@pytest.fixture
async def delivery(
    store: QueueStore, upstream: SteppedUpstream, outcome: Outcome
) -> AsyncIterator[UpstreamDelivery]:
    failures: list[Exception] = []
    queues = EndpointQueues(ENDPOINT, store, lambda s: outcome.expired.append(number(s)), failures.append)
    yield UpstreamDelivery(
        queues,
        store,
        upstream,
        lambda stored, _, __: outcome.delivered.append(number(stored)),
        lambda stored, reason: outcome.rejected.append((number(stored), reason)),
        Measurements(),
    )
    assert failures == []


class Clock:
    """Stands for the module `time` where messages expire."""

    now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(endpoint, "time", clock)
    return clock


@contextlib.asynccontextmanager
async def running(delivery: UpstreamDelivery) -> AsyncIterator[None]:
    task = asyncio.create_task(delivery.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def put(delivery: UpstreamDelivery, store: QueueStore, n: int, expires: float | None = None) -> Stored:
    stored = await append(store, n, endpoint=ENDPOINT, expires=expires)
    delivery.queues.committed(stored, 0)
    return stored


async def gone(store: QueueStore) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await store.occupied(ENDPOINT):
            await asyncio.sleep(0.01)


async def test_an_answer_is_dealt_with_while_the_next_batch_is_stored(
    delivery: UpstreamDelivery, store: QueueStore, upstream: SteppedUpstream, outcome: Outcome
) -> None:
    rows = [await put(delivery, store, n) for n in range(4)]
    async with running(delivery):
        await upstream.asked(1)
        upstream.answer({rows[1].sequence: "too_large"})
        await upstream.asked(2)
        await asyncio.sleep(0)
        assert (outcome.delivered, outcome.rejected) == ([0], [(1, "too_large")])
        assert delivery.unconfirmed == 2
        upstream.answer({})
        await gone(store)
    assert upstream.batches == [[0, 1], [2, 3]]
    assert outcome.delivered == [0, 2, 3]


async def test_the_last_answer_is_dealt_with_when_nothing_follows(
    delivery: UpstreamDelivery, store: QueueStore, upstream: SteppedUpstream, outcome: Outcome
) -> None:
    await put(delivery, store, 0)
    async with running(delivery):
        await upstream.asked(1)
        upstream.answer({})
        await gone(store)
        assert outcome.delivered == [0]


async def test_an_answer_that_came_just_before_the_hub_stops_is_dealt_with(
    delivery: UpstreamDelivery, store: QueueStore, upstream: SteppedUpstream, outcome: Outcome
) -> None:
    for n in range(4):
        await put(delivery, store, n)
    task = asyncio.create_task(delivery.run())
    upstream.on_batch = lambda batch: batch == 2 and task.cancel()
    upstream.answer({})
    with pytest.raises(asyncio.CancelledError):
        await task
    assert upstream.batches == [[0, 1], [2, 3]]
    assert outcome.delivered == [0, 1]


async def test_a_batch_that_failed_comes_again_before_the_next(
    delivery: UpstreamDelivery, store: QueueStore, upstream: SteppedUpstream, outcome: Outcome
) -> None:
    for n in range(4):
        await put(delivery, store, n)
    async with running(delivery):
        for away in (True, True, False, True, False):
            upstream.answer(UpstreamError("away") if away else {})
        await gone(store)
    assert upstream.batches == [[0, 1], [0, 1], [0, 1], [2, 3], [2, 3]]
    assert outcome.delivered == [0, 1, 2, 3]


async def test_what_expires_while_the_cloud_is_away_is_not_sent_again(
    delivery: UpstreamDelivery, store: QueueStore, upstream: SteppedUpstream, outcome: Outcome, clock: Clock
) -> None:
    expires = clock.now + 10
    for n, at in enumerate((expires, None, expires, expires, None)):
        await put(delivery, store, n, at)
    async with running(delivery):
        await upstream.asked(1)
        clock.now = expires
        upstream.answer(UpstreamError("away"))
        await upstream.asked(2)
        upstream.answer({})
        upstream.answer({})
        await gone(store)
    assert upstream.batches == [[0, 1], [1], [4]]
    assert (outcome.expired, outcome.delivered) == ([0, 2, 3], [1, 4])


async def test_a_batch_of_which_nothing_is_left_is_given_up(
    delivery: UpstreamDelivery, store: QueueStore, upstream: SteppedUpstream, outcome: Outcome, clock: Clock
) -> None:
    expires = clock.now + 10
    await put(delivery, store, 0, expires)
    async with running(delivery):
        await upstream.asked(1)
        clock.now = expires
        upstream.answer(UpstreamError("away"))
        await gone(store)
        assert delivery.unconfirmed == 0
        connected = [delivery.connected]  # nobody has said that the cloud is there again
        await put(delivery, store, 1)
        upstream.answer({})
        await gone(store)
        assert [*connected, delivery.connected] == [False, True]
    assert upstream.batches == [[0], [1]]
    assert (outcome.expired, outcome.delivered) == ([0], [1])
