from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from edge_runtime.hub import hot_queue
from edge_runtime.hub.endpoint import EndpointQueues
from edge_runtime.hub.queue_store import QueueStore, Stored
from tests.hub.messages import ENDPOINT, append, message, number
from tests.patience import PATIENCE_S


async def fill(queues: EndpointQueues, store: QueueStore, numbers: Sequence[int], rank: int = 0) -> None:
    finished = asyncio.Event()
    for n in numbers:

        def committed(rows: Sequence[Stored], n: int = n) -> None:
            queues.committed(rows[0], rank)
            if n == numbers[-1]:
                finished.set()

        store.append([(ENDPOINT, rank, None)], message(n), committed)
    await finished.wait()


async def drain(queues: EndpointQueues, count: int) -> list[int]:
    got: list[int] = []
    woken = asyncio.Event()
    queues.wake = woken.set
    async with asyncio.timeout(PATIENCE_S):
        while len(got) < count:
            stored = queues.next()
            if stored is None:
                woken.clear()
                await woken.wait()
                continue
            got.append(number(stored))
    return got


def new_queues(store: QueueStore, expired: list[Stored] | None = None) -> EndpointQueues:
    return EndpointQueues(ENDPOINT, store, (expired if expired is not None else []).append, unreadable)


def unreadable(error: Exception) -> None:
    raise AssertionError("the store could not be read") from error


async def test_a_backlog_beyond_the_window_comes_back_in_order_once(store: QueueStore) -> None:
    queues = new_queues(store)
    count = hot_queue.HOT_MESSAGES * 2 + 100
    await fill(queues, store, range(count))
    assert queues.lengths == {0: count}
    assert await drain(queues, count) == list(range(count))
    assert queues.next() is None
    assert queues.lengths == {0: 0}


async def test_messages_that_arrive_while_a_backlog_drains_keep_their_place(store: QueueStore) -> None:
    queues = new_queues(store)
    backlog = hot_queue.HOT_MESSAGES + 1500
    await fill(queues, store, range(backlog))
    got = await drain(queues, 1000)
    filling = asyncio.create_task(fill(queues, store, range(backlog, backlog + 3000)))
    got += await drain(queues, backlog + 2000)
    await filling
    assert got == list(range(backlog + 3000))


async def test_a_restart_finds_the_backlog(store: QueueStore) -> None:
    for n in range(30):
        await append(store, n, priority=3)
    queues = new_queues(store)
    await queues.recover()
    assert queues.lengths == {3: 30}
    assert await drain(queues, 30) == list(range(30))


@pytest.mark.parametrize("left", [5, 6, 7, 30, 31])
async def test_a_long_backlog_is_counted_while_it_drains(
    store: QueueStore, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr(hot_queue, "HOT_MESSAGES", 4)
    monkeypatch.setattr(hot_queue, "COUNTED_AT_ONCE", 3)
    monkeypatch.setattr(hot_queue, "_REFILL", 2)
    monkeypatch.setattr(hot_queue, "_COUNT_PAUSE_S", 0.0)
    for n in range(left):
        await append(store, n, priority=3)
    queues = new_queues(store)
    await queues.recover()
    await queues.count()
    assert queues.lengths == {3: left}
    count = store.count

    for took in range(left):
        again, got = new_queues(store), list[int]()

        async def count_slowly(*arguments: Any) -> tuple[int, int]:
            counted = await count(*arguments)
            # What is read while the answer is on its way may be in it.
            got.extend(await drain(again, min(took, left - len(got))))  # noqa: B023
            return counted

        monkeypatch.setattr(store, "count", count_slowly)
        await again.recover()
        await again.count()
        assert again.lengths == {3: left - len(got)}
        got += await drain(again, left - len(got))
        assert got == list(range(left))
        assert again.lengths == {3: 0}


async def test_the_most_urgent_queue_goes_first(store: QueueStore) -> None:
    queues = new_queues(store)
    await fill(queues, store, [1, 2], rank=15)
    await fill(queues, store, [3], rank=9)
    await fill(queues, store, [4], rank=0)
    assert await drain(queues, 4) == [4, 3, 1, 2]


async def test_expired_messages_are_left_out_and_told(store: QueueStore) -> None:
    expired: list[Stored] = []
    queues = new_queues(store, expired)
    queues.committed(await append(store, 1, expires=time.time() - 1), 0)
    queues.committed(await append(store, 2, expires=time.time() + 60), 0)
    assert await drain(queues, 1) == [2]
    assert [number(s) for s in expired] == [1]


async def test_clean_up_discards_expired_messages_that_nobody_reads(store: QueueStore) -> None:
    expired: list[Stored] = []
    queues = new_queues(store, expired)
    queues.committed(await append(store, 1, expires=time.time() - 1), 0)
    queues.committed(await append(store, 2), 0)
    await queues.discard_expired()
    assert [number(s) for s in expired] == [1]
    assert queues.lengths == {0: 1}


async def test_clean_up_reaches_what_is_on_disk_alone(
    store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_queue, "HOT_MESSAGES", 4)
    expired: list[Stored] = []
    queues = new_queues(store, expired)
    for n in range(30):
        queues.committed(await append(store, n, expires=time.time() - 1), 0)
    queues.committed(await append(store, 30), 0)
    await queues.discard_expired()
    assert [number(s) for s in expired] == list(range(30))
    assert queues.lengths == {0: 1}


async def test_large_messages_come_back_a_few_at_a_time(store: QueueStore) -> None:
    queues = new_queues(store)
    size = 200_000
    for n in range(60):
        store.append([(ENDPOINT, 0, None)], message(n, size), lambda rows: queues.committed(rows[0], 0))
    await append(store, 99, endpoint="elsewhere")  # all before are durable then
    most = hot_queue.HOT_BYTES + hot_queue._REFILL_BYTES + size
    got: list[int] = []
    for n in range(60):
        got += await drain(queues, 1)
        assert queues._queue(0)._hot_bytes < most, f"after message {n}"
    assert got == list(range(60))


async def test_waiting_for_the_disk_does_not_spin(store: QueueStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_queue, "HOT_MESSAGES", 2)
    queues = new_queues(store)
    await fill(queues, store, range(10))
    wakes = 0

    def wake() -> None:
        nonlocal wakes
        wakes += 1
        while queues.next() is not None:
            pass

    queues.wake = wake
    wake()
    while sum(queues.lengths.values()):
        await asyncio.sleep(0.001)
    assert wakes <= 12


async def test_a_store_that_cannot_be_read_is_told(
    store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_queue, "HOT_MESSAGES", 2)
    failures: list[Exception] = []
    queues = EndpointQueues(ENDPOINT, store, lambda _: None, failures.append)
    await fill(queues, store, range(4))
    store.remove([1 << 48 | n for n in range(1, 5)])  # as if somebody else had emptied the table
    await append(store, 5, endpoint="elsewhere")
    while queues.next() is not None:
        pass
    async with asyncio.timeout(PATIENCE_S):
        while not failures:
            await asyncio.sleep(0.01)
    assert [type(failure).__name__ for failure in failures] == ["LostRowsError"]


async def test_rows_read_before_their_commit_is_announced_are_queued_once(
    store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_queue, "HOT_MESSAGES", 2)
    queues = new_queues(store)
    durable = [await append(store, n) for n in range(6)]
    for stored in durable[:3]:
        queues.committed(stored, 0)
    got = await drain(queues, 4)  # the read for the third found all six
    for stored in durable[3:]:
        queues.committed(stored, 0)
    assert got + await drain(queues, 2) == list(range(6))
    assert queues.next() is None
    assert queues.lengths == {0: 0}
