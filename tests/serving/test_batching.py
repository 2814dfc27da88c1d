from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from serving.batching import Batcher, BatchLimits
from serving.errors import EndingError, OverloadedError, StuckError
from tests.patience import PATIENCE_S, eventually


class Doubling:
    """Doubles numbers in batches that it keeps, one at a time as `permits` allow; -1 fails its batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.permits = threading.Semaphore(0)

    def work(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.begun.release()
        assert self.permits.acquire(timeout=PATIENCE_S)
        if -1 in items:
            raise ValueError("minus one")
        return [2 * item for item in items]

    def permit(self, batches: int = 1000) -> None:
        self.permits.release(batches)


@asynccontextmanager
async def batcher(doubling: Doubling, limits: BatchLimits) -> AsyncIterator[Batcher[int, int]]:
    found: Batcher[int, int] = Batcher(doubling.work, limits)
    await found.start()
    try:
        yield found
    finally:
        doubling.permit()
        await found.stop()


def dropped(reason: str) -> float:
    return REGISTRY.get_sample_value("serving_pictures_dropped_total", {"reason": reason}) or 0.0


def waiting() -> float:
    return REGISTRY.get_sample_value("serving_queue_pictures") or 0.0


async def busy(found: Batcher[int, int], doubling: Doubling) -> asyncio.Task[list[int]]:
    """A request whose batch of one has begun and is held."""
    task = asyncio.create_task(found.submit([0]))
    assert await asyncio.to_thread(doubling.begun.acquire, timeout=PATIENCE_S)
    return task


async def queued(found: Batcher[int, int], *requests: Sequence[int]) -> list[asyncio.Task[list[int]]]:
    tasks = [asyncio.create_task(found.submit(items)) for items in requests]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_came_while_a_batch_ran_is_the_next_batch() -> None:
    doubling = Doubling()
    async with batcher(doubling, BatchLimits(batch=4, wait_s=PATIENCE_S)) as found:
        first = await busy(found, doubling)
        tasks = await queued(found, [1], [2, 3], [4], [5])
        doubling.permit()
        assert [await task for task in (first, *tasks)] == [[0], [2], [4, 6], [8], [10]]
    assert doubling.batches == [[0], [1, 2, 3, 4], [5]]


async def test_a_large_request_goes_in_parts_and_lets_others_between() -> None:
    doubling = Doubling()
    async with batcher(doubling, BatchLimits(batch=2, queue=3, wait_s=PATIENCE_S)) as found:
        large, small = await queued(found, [1, 2, 3, 4, 5], [9])
        doubling.permit()
        assert await large == [2, 4, 6, 8, 10]
        assert await small == [18]
    assert doubling.batches[0] == [1, 2]
    assert [9] in [batch[:1] for batch in doubling.batches[1:]]


async def test_a_full_queue_refuses_and_says_so() -> None:
    doubling = Doubling()
    before = dropped("queue_full")
    async with batcher(doubling, BatchLimits(batch=4, queue=2, wait_s=PATIENCE_S)) as found:
        await busy(found, doubling)
        await queued(found, [1, 2])
        with pytest.raises(OverloadedError, match="2 pictures are waiting"):
            await found.submit([3, 4, 5, 6, 7])
    assert dropped("queue_full") - before == 5


async def test_whether_there_is_room_for_one_more_is_told_without_counting() -> None:
    doubling = Doubling()
    before = dropped("queue_full")
    async with batcher(doubling, BatchLimits(batch=4, queue=2, wait_s=PATIENCE_S)) as found:
        await busy(found, doubling)
        await queued(found, [1])
        assert found.full() is None
        await queued(found, [2])
        assert str(found.full()) == "2 pictures are waiting already"
    assert dropped("queue_full") == before


async def test_the_queues_of_a_process_are_shown_as_one() -> None:
    before = waiting()
    one, other = Doubling(), Doubling()
    limits = BatchLimits(batch=1, wait_s=PATIENCE_S)
    async with batcher(one, limits) as first, batcher(other, limits) as second:
        for found, doubling, items in ((first, one, [1, 2, 3]), (second, other, [1, 2])):
            await busy(found, doubling)
            await queued(found, *([item] for item in items))
            doubling.permit(1)
            assert await asyncio.to_thread(doubling.begun.acquire, timeout=PATIENCE_S)
        assert waiting() - before == 2 + 1
    assert waiting() == before


async def test_what_waited_too_long_is_refused_and_never_computed() -> None:
    doubling = Doubling()
    async with batcher(doubling, BatchLimits(wait_s=PATIENCE_S)) as found:
        first = await busy(found, doubling)
        before = dropped("waited")
        (late,) = await queued(found, list(range(10)))  # more than a batch
        found._limits = BatchLimits(wait_s=0)
        doubling.permit()
        assert await first == [0]
        with pytest.raises(OverloadedError, match="waited longer"):
            await late
        assert dropped("waited") - before == 10
    assert doubling.batches == [[0]]


async def test_a_wait_that_would_be_too_long_is_refused_at_once() -> None:
    doubling = Doubling()
    async with batcher(doubling, BatchLimits(batch=2, wait_s=15)) as found:
        found._seconds_per_item = 10.0
        await busy(found, doubling)
        await queued(found, [1, 2])
        with pytest.raises(OverloadedError, match="the wait would be") as refused:
            await found.submit([3])
    assert refused.value.retry_after_s == pytest.approx(30)


async def test_an_estimate_never_refuses_what_the_next_batch_has_room_for() -> None:
    doubling = Doubling()
    async with batcher(doubling, BatchLimits(batch=2, wait_s=15)) as found:
        found._seconds_per_item = 1000.0
        first = await busy(found, doubling)
        tasks = await queued(found, [1], [2])
        doubling.permit()
        assert [await task for task in (first, *tasks)] == [[0], [2], [4]]
        assert found._seconds_per_item < 15  # one fast batch, and the pace is the present one again


async def test_a_caller_that_is_cancelled_takes_its_items_out() -> None:
    doubling = Doubling()
    async with batcher(doubling, BatchLimits(wait_s=PATIENCE_S)) as found:
        first = await busy(found, doubling)
        gone, stays = await queued(found, [1, 2], [3])
        gone.cancel()
        await asyncio.wait([gone])
        doubling.permit()
        assert await first == [0]
        assert await stays == [6]
    assert doubling.batches == [[0], [3]]


async def test_a_batch_that_fails_fails_its_requests_alone() -> None:
    doubling = Doubling()
    doubling.permit()
    async with batcher(doubling, BatchLimits(wait_s=PATIENCE_S)) as found:
        with pytest.raises(ValueError, match="minus one"):
            await found.submit([-1])
        assert await found.submit([4]) == [8]
        assert found.running


async def test_after_the_end_nobody_waits() -> None:
    doubling = Doubling()
    found: Batcher[int, int] = Batcher(doubling.work, BatchLimits(wait_s=PATIENCE_S))
    await found.start()
    at_work = await busy(found, doubling)
    (waits,) = await queued(found, [1])
    doubling.permit()
    await found.stop()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([at_work, waits])
    assert isinstance(at_work.exception(), EndingError)
    assert isinstance(waits.exception(), EndingError)
    assert not found.running
    with pytest.raises(OverloadedError, match="ending"):
        await found.submit([2])


async def test_work_that_gives_too_few_results_fails_its_batch_alone() -> None:
    found: Batcher[int, int] = Batcher(lambda items: items[1:], BatchLimits(wait_s=PATIENCE_S))
    await found.start()
    for _ in range(2):
        with pytest.raises(ValueError, match="zip"):
            async with asyncio.timeout(PATIENCE_S):
                await found.submit([1])
    assert found.running
    await found.stop()


async def test_a_batch_that_does_not_end_fails_all_that_wait_until_it_does() -> None:
    doubling = Doubling()
    async with batcher(doubling, BatchLimits(wait_s=PATIENCE_S, stuck_s=0.05)) as found:
        first, second = asyncio.create_task(found.submit([1])), asyncio.create_task(found.submit([2]))
        for request in (first, second):
            with pytest.raises(StuckError, match="does not come back"):
                await request
        with pytest.raises(StuckError):
            await found.submit([3])
        assert found.running
        doubling.permit()
        await eventually(lambda: found._stuck is None)
        assert await found.submit([4]) == [8]
        assert [4] in doubling.batches


async def test_a_thread_that_does_not_end_holds_up_neither_the_end_nor_anything_else() -> None:
    doubling = Doubling()
    async with asyncio.timeout(PATIENCE_S / 2):  # the thread holds out longer
        found: Batcher[int, int] = Batcher(doubling.work, BatchLimits(wait_s=PATIENCE_S, stuck_s=0.05))
        await found.start()
        try:
            with pytest.raises(StuckError):
                await found.submit([1])
            await found.stop()
        finally:
            doubling.permit()
