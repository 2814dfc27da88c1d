"""A bounded queue with a named overflow policy, fed from any thread, read by one task.

InboxClosed(Exception)   `put` after `close`, or `get` when closed and empty
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class Overflow(Enum):
    """What a full inbox does."""

    WAIT = "wait"
    DROP_OLDEST = "drop_oldest"


class InboxClosed(Exception):  # noqa: N818 - a state of the queue, as asyncio.QueueEmpty
    """Nothing goes in any more, or nothing comes out any more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"inbox {name!r} is closed")


class Inbox(Generic[T]):
    """Bounded inbox between threads (the SDK's handlers, a capture thread) and one task that reads.

    The reader's loop is woken at most once per burst: a put wakes it only when it sleeps.

    Args:
        name: for messages and counters.
        capacity: how many items it holds, at least 1.
        overflow: WAIT or DROP_OLDEST.
        on_drop: called with (item, reason) from the thread that put, for each item dropped; the reason is
            `inbox_overflow`.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        overflow: Overflow,
        on_drop: Callable[[T, str], None] | None = None,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"inbox {name!r}: capacity is {capacity}, expected at least 1")
        self.name = name
        self.capacity = capacity
        self.overflow = overflow
        self.dropped = 0
        self._on_drop = on_drop
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._asleep = False
        self._putters: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        return self._closed

    def put(self, item: T) -> None:
        """Append from any thread. Full: DROP_OLDEST drops the oldest; WAIT blocks the thread for room.

        Never call it on the loop's own thread under WAIT (use `put_async`): the reader could not run.
        """
        with self._lock:
            while self.overflow is Overflow.WAIT and len(self._items) >= self.capacity and not self._closed:
                self._room.wait()
            lost = self._append(item)
        self._tell(lost)

    async def put_async(self, item: T) -> None:
        """Append from the reader's loop. As `put`, but WAIT awaits."""
        while True:
            with self._lock:
                if self.overflow is Overflow.DROP_OLDEST or len(self._items) < self.capacity or self._closed:
                    lost = self._append(item)
                    break
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._putters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._forget(waiter)
                raise
        self._tell(lost)

    async def get(self) -> T:
        """The oldest item. Raises `InboxClosed` when closed and empty."""
        while True:
            with self._lock:
                if self._items:
                    return self._take()
                if self._closed:
                    raise InboxClosed(self.name)
                self._loop = asyncio.get_running_loop()
                self._arrived.clear()
                self._asleep = True
            await self._arrived.wait()

    def get_nowait(self) -> T | None:
        """The oldest item, or None when there is none (yet)."""
        with self._lock:
            return self._take() if self._items else None

    def close(self) -> None:
        """No more items: `put` raises `InboxClosed`; `get` gives what is left, then raises it."""
        with self._lock:
            self._closed = True
            self._room.notify_all()
            self._wake()
            putters, self._putters = list(self._putters), deque()
        for waiter in putters:
            if not waiter.done():
                waiter.get_loop().call_soon_threadsafe(_resolve, waiter)

    def _append(self, item: T) -> list[T]:
        if self._closed:
            raise InboxClosed(self.name)
        lost = []
        while len(self._items) >= self.capacity:
            lost.append(self._items.popleft())
        self._items.append(item)
        self.dropped += len(lost)
        self._wake()
        return lost

    def _take(self) -> T:
        item = self._items.popleft()
        self._room.notify()
        while self._putters:
            waiter = self._putters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break
        return item

    def _forget(self, waiter: asyncio.Future[None]) -> None:
        with self._lock:
            if waiter in self._putters:
                self._putters.remove(waiter)
            elif not waiter.cancelled() and self._putters:  # its place was already given: pass it on
                _resolve(self._putters.popleft())

    def _wake(self) -> None:
        if self._asleep and self._loop is not None:
            self._asleep = False
            self._loop.call_soon_threadsafe(self._arrived.set)

    def _tell(self, lost: list[T]) -> None:
        if self._on_drop is not None:
            for item in lost:
                self._on_drop(item, "inbox_overflow")


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
