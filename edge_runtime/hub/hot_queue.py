"""One queue's window in memory over its rows on disk."""

from __future__ import annotations

from collections import deque

from edge_runtime.hub.queue_store import QueueStore, Stored

HOT_MESSAGES = 2048
HOT_BYTES = 4 * 1024 * 1024
_REFILL = 1024


class HotQueue:
    """FIFO of one endpoint and priority; bounded in memory, unbounded on disk.

    Invariant: every message with a key up to `_loaded` has been handed to the window, none above it has.
    A row can be read from disk before the callback of its own commit has run, so a commit whose
    key is not above `_loaded` is already in the window and must not be queued twice.
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
        self._refilling = False

    @property
    def length(self) -> int:
        """Messages not yet taken, in memory and on disk alone."""
        return len(self._hot) + max(0, self._on_disk)

    @property
    def behind(self) -> bool:
        """True while messages wait on disk alone."""
        return self._committed > self._loaded

    @property
    def needs_refill(self) -> bool:
        return self.behind and not self._refilling and len(self._hot) < HOT_MESSAGES // 2

    async def recover(self) -> None:
        """After a start: learn what an earlier run left on disk."""
        self._on_disk = await self._store.count(self._endpoint, self.rank)
        if self._on_disk:
            self._committed = 1 << 63
            await self.refill()

    def committed(self, stored: Stored) -> None:
        """A message of this queue is durable."""
        if stored.key <= self._loaded:
            return
        if self.behind or len(self._hot) >= HOT_MESSAGES or self._hot_bytes >= HOT_BYTES:
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
        """Read the next messages from disk, until the window is full or the disk has no more."""
        if self._refilling:
            return
        self._refilling = True
        try:
            while self.behind and len(self._hot) < HOT_MESSAGES and self._hot_bytes < HOT_BYTES:
                known = self._committed
                rows = await self._store.read(self._endpoint, self.rank, self._loaded, _REFILL)
                for stored in rows:
                    self._push(stored)
                    self._loaded = stored.key
                self._on_disk -= len(rows)
                if len(rows) < _REFILL and known == self._committed:
                    # The read began after the last commit we know of and found the end.
                    self._committed = self._loaded
                    self._on_disk = 0
        finally:
            self._refilling = False

    def _push(self, stored: Stored) -> None:
        self._hot.append(stored)
        self._hot_bytes += len(stored.message.body)
