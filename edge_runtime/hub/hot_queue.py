"""One queue's window in memory over its rows on disk."""

from __future__ import annotations

import asyncio
from collections import deque

from edge_runtime.hub.queue_store import LostRowsError, QueueStore, Stored

HOT_MESSAGES = 2048
HOT_BYTES = 4 * 1024 * 1024
_REFILL = 1024
_REFILL_BYTES = 1024 * 1024
COUNTED_AT_ONCE = 4096
_COUNT_PAUSE_S = 0.01


class HotQueue:
    """FIFO of one endpoint and priority; bounded in memory, unbounded on disk.

    Invariant: every message with a key up to `_loaded` has been handed to the window, none above it has.
    A row can be read from disk before the callback of its own commit has run, so a commit whose
    key is not above `_loaded` is already in the window and must not be queued twice.

    `_on_disk` counts announced commits less the rows read, so it is below zero for as long as rows were
    read whose commit has not been announced yet. What an earlier run left is counted from its end, a piece
    at a time, while the queue is read from its beginning: rows below `_counted_from` are not in `_on_disk` yet.
    """

    def __init__(self, store: QueueStore, endpoint: str, rank: int) -> None:
        self.rank = rank
        self._store = store
        self._endpoint = endpoint
        self._hot: deque[Stored] = deque()
        self._hot_bytes = 0
        self._loaded = 0
        self._committed = 0
        self._on_disk = 0
        self._counted_from = 0

    @property
    def length(self) -> int:
        """Messages not yet taken, in memory and on disk alone; too few until `count` has finished."""
        return max(int(self._uncounted), len(self._hot) + self._on_disk)

    @property
    def _uncounted(self) -> bool:
        return self._loaded + 1 < self._counted_from

    @property
    def behind(self) -> bool:
        """True while messages wait on disk alone."""
        return self._committed > self._loaded

    @property
    def needs_refill(self) -> bool:
        return self.behind and len(self._hot) < HOT_MESSAGES // 2 and self._hot_bytes < HOT_BYTES // 2

    async def recover(self) -> None:
        """After a start: take up what an earlier run left on disk, however much that is."""
        self._committed = await self._store.last_key(self._endpoint, self.rank)
        self._counted_from = self._committed + 1
        await self.refill()

    async def count(self) -> None:
        """Learn how much an earlier run left: a walk over its rows, which nothing waits for."""
        while self._uncounted:
            after = self._loaded
            number, first = await self._store.count(
                self._endpoint, self.rank, after, self._counted_from, COUNTED_AT_ONCE
            )
            if after < self._loaded and first <= self._loaded:
                continue  # some of these were read meanwhile
            self._on_disk += number
            self._counted_from = first if number == COUNTED_AT_ONCE else 0
            await asyncio.sleep(_COUNT_PAUSE_S)

    def committed(self, stored: Stored) -> None:
        """A message of this queue is durable."""
        if stored.key <= self._loaded:
            self._on_disk += 1
            return
        if self.behind or self._full:
            self._on_disk += 1
            self._committed = max(self._committed, stored.key)
            return
        self._push(stored)
        self._loaded = self._committed = stored.key

    def peek(self) -> Stored | None:
        return self._hot[0] if self._hot else None

    def pop(self) -> Stored:
        stored = self._hot.popleft()
        self._hot_bytes -= len(stored.message.body)
        return stored

    async def refill(self) -> None:
        """Read the next messages from disk, until the window is full or the disk has no more.

        One at a time: the caller starts none while one is under way.
        """
        while self.behind and not self._full:
            known = self._committed
            rows = await self._store.read(
                self._endpoint, self.rank, self._loaded, _REFILL, most_bytes=_REFILL_BYTES
            )
            for stored in rows:
                self._push(stored)
                self._loaded = stored.key
            self._on_disk -= sum(stored.key >= self._counted_from for stored in rows)
            if not rows and known == self._committed:
                raise LostRowsError(self._endpoint, self._committed)

    @property
    def _full(self) -> bool:
        return len(self._hot) >= HOT_MESSAGES or self._hot_bytes >= HOT_BYTES

    def _push(self, stored: Stored) -> None:
        self._hot.append(stored)
        self._hot_bytes += len(stored.message.body)
