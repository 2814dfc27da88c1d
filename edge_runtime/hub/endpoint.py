"""All queues of one endpoint, most urgent first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from edge_runtime.hub.hot_queue import HotQueue
from edge_runtime.hub.queue_store import QueueStore, Stored

WakeUp = Callable[[], None]


class EndpointQueues:
    """The queues of an endpoint (`iothub` or `device/module/input`), by priority (spec C.12).

    `next` always restarts from the most urgent queue that is not empty, and leaves out what has expired.
    """

    def __init__(self, name: str, store: QueueStore, expired: Callable[[Stored], None]) -> None:
        self.name = name
        self._store = store
        self._expired = expired
        self._queues: dict[int, HotQueue] = {}
        self._ordered: Sequence[HotQueue] = ()
        self._refills: set[asyncio.Task[None]] = set()
        self.wake: WakeUp = lambda: None

    @property
    def lengths(self) -> dict[int, int]:
        """Priority rank -> messages waiting."""
        return {queue.rank: queue.length for queue in self._ordered}

    async def recover(self) -> None:
        for rank in await self._store.occupied(self.name):
            await self._queue(rank).recover()

    def committed(self, stored: Stored, rank: int) -> None:
        self._queue(rank).committed(stored)

    def next(self) -> Stored | None:
        """Take the next message; None when there is none, or when a more urgent one is still being read."""
        for queue in self._ordered:
            while (stored := queue.peek()) is not None:
                queue.pop()
                if queue.needs_refill:
                    self._refill(queue)
                if stored.expires is None or stored.expires > time.time():
                    return stored
                self._store.remove([stored.key])
                self._expired(stored)
            if queue.behind:
                self._refill(queue)
                return None
        return None

    def discard_expired(self) -> None:
        """Leave out expired messages at the head of each queue; for endpoints that nobody reads."""
        now = time.time()
        for queue in self._ordered:
            while (
                (stored := queue.peek()) is not None and stored.expires is not None and stored.expires <= now
            ):
                queue.pop()
                self._store.remove([stored.key])
                self._expired(stored)
            if queue.needs_refill:
                self._refill(queue)

    def _queue(self, rank: int) -> HotQueue:
        queue = self._queues.get(rank)
        if queue is None:
            queue = self._queues[rank] = HotQueue(self._store, self.name, rank)
            self._ordered = sorted(self._queues.values(), key=lambda q: q.rank)
        return queue

    def _refill(self, queue: HotQueue) -> None:
        task = asyncio.get_running_loop().create_task(self._refill_then_wake(queue))
        self._refills.add(task)
        task.add_done_callback(self._refills.discard)

    async def _refill_then_wake(self, queue: HotQueue) -> None:
        await queue.refill()
        self.wake()
