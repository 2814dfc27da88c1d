from __future__ import annotations

import asyncio
import collections
import threading
from typing import Any

import pytest

from module_kit.inbox import Inbox, InboxClosed, Overflow
from tests.patience import PATIENCE_S


async def test_items_come_out_in_the_order_that_a_thread_put_them_in() -> None:
    inbox: Inbox[int] = Inbox("frames", 10_000, Overflow.DROP_OLDEST)
    thread = threading.Thread(target=lambda: collections.deque(map(inbox.put, range(5000))))
    thread.start()
    assert [await inbox.get() for _ in range(5000)] == list(range(5000))
    thread.join()
    assert inbox.dropped == 0


async def test_a_burst_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox: Inbox[int] = Inbox("frames", 100, Overflow.DROP_OLDEST)
    loop = asyncio.get_running_loop()
    reader = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    wakes: list[Any] = []
    wake = loop.call_soon_threadsafe

    def counted(*args: Any) -> Any:
        wakes.append(args)
        return wake(*args)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    for number in range(50):
        inbox.put(number)
    assert await reader == 0
    assert len(wakes) == 1
    assert len(inbox) == 49


async def test_drop_oldest_keeps_the_newest_and_tells_each_loss_with_its_reason() -> None:
    lost: list[tuple[int, str]] = []
    inbox: Inbox[int] = Inbox("frames", 3, Overflow.DROP_OLDEST, lambda item, why: lost.append((item, why)))
    for number in range(5):
        inbox.put(number)
    assert lost == [(0, "inbox_overflow"), (1, "inbox_overflow")]
    assert inbox.dropped == 2
    assert [await inbox.get() for _ in range(3)] == [2, 3, 4]


async def test_wait_blocks_a_thread_until_there_is_room() -> None:
    inbox: Inbox[int] = Inbox("frames", 2, Overflow.WAIT)
    done = threading.Event()

    def feed() -> None:
        for number in range(4):
            inbox.put(number)
        done.set()

    threading.Thread(target=feed, daemon=True).start()
    assert not await asyncio.to_thread(done.wait, 0.1)
    assert len(inbox) == 2
    assert [await inbox.get() for _ in range(4)] == [0, 1, 2, 3]
    assert await asyncio.to_thread(done.wait, PATIENCE_S)
    assert inbox.dropped == 0


async def test_wait_suspends_a_coroutine_until_there_is_room() -> None:
    inbox: Inbox[int] = Inbox("frames", 1, Overflow.WAIT)
    await inbox.put_async(0)
    second = asyncio.create_task(inbox.put_async(1))
    await asyncio.sleep(0.01)
    assert not second.done()
    assert await inbox.get() == 0
    await second
    assert inbox.get_nowait() == 1
    assert inbox.get_nowait() is None


async def test_a_cancelled_putter_passes_its_place_on() -> None:
    inbox: Inbox[str] = Inbox("frames", 1, Overflow.WAIT)
    await inbox.put_async("first")
    cancelled = asyncio.create_task(inbox.put_async("cancelled"))
    waiting = asyncio.create_task(inbox.put_async("waiting"))
    await asyncio.sleep(0.01)
    assert await inbox.get() == "first"  # gives the place to the putter that is cancelled in the same turn
    cancelled.cancel()
    await asyncio.wait_for(waiting, PATIENCE_S)
    assert await inbox.get() == "waiting"


async def test_close_gives_what_is_left_then_says_so() -> None:
    inbox: Inbox[int] = Inbox("frames", 2, Overflow.WAIT)
    inbox.put(1)
    inbox.put(2)
    blocked = asyncio.create_task(asyncio.to_thread(inbox.put, 3))
    suspended = asyncio.create_task(inbox.put_async(4))
    await asyncio.sleep(0.05)
    inbox.close()
    for task in (blocked, suspended):
        with pytest.raises(InboxClosed, match="'frames' is closed"):
            await task
    assert [await inbox.get(), await inbox.get()] == [1, 2]
    with pytest.raises(InboxClosed):
        await inbox.get()


async def test_close_wakes_a_reader_that_waits() -> None:
    inbox: Inbox[int] = Inbox("frames", 2, Overflow.DROP_OLDEST)
    reader = asyncio.create_task(inbox.get())
    await asyncio.sleep(0.01)
    inbox.close()
    with pytest.raises(InboxClosed):
        await asyncio.wait_for(reader, PATIENCE_S)


def test_a_capacity_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="'frames': capacity is 0, expected at least 1"):
        Inbox("frames", 0, Overflow.WAIT)
