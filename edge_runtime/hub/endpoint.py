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

    Args:
        name: the endpoint's id.
        store: where the messages are.
        expired: told of each message that is left out.
        failed: called when the store cannot be read: what it holds would never be delivered.
    """

    def __init__(
        self,
        name: str,
        store: QueueStore,
        expired: Callable[[Stored], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.name = name
        self._store = store
        self._expired = expired
        self._failed = failed
        self._queues: dict[int, HotQueue] = {}
        self._ordered: Sequence[HotQueue] = ()
        self._refills: dict[HotQueue, asyncio.Task[bool]] = {}
        self.wake: WakeUp = lambda: None

    def close(self) -> None:
        """Give up reads that are under way; the store closes next."""
        for task in self._refills.values():
            task.cancel()

    @property
    def lengths(self) -> dict[int, int]:
        """Priority rank -> messages waiting."""
        return {queue.rank: queue.length for queue in self._ordered}

    async def recover(self) -> None:
        for rank in await self._store.occupied(self.name):
            await self._queue(rank).recover()

    async def count(self) -> None:
        """Learn how much an earlier run left; until then `lengths` tells too little."""
        for queue in list(self._ordered):
            try:
                await queue.count()
            except Exception as error:  # noqa: BLE001 - what cannot be counted cannot be delivered
                self._failed(error)
                return

    def committed(self, stored: Stored, rank: int) -> None:
        """A message of this endpoint is durable."""
        self._queue(rank).committed(stored)
        self.wake()

    def next(self) -> Stored | None:
        """Take the next message; None when there is none, or when a more urgent one is still being read."""
        for queue in self._ordered:
            while (stored := queue.peek()) is not None:
                queue.pop()
                if queue.needs_refill:
                    self._refill(queue)
                if not _is_expired(stored, time.time()):
                    return stored
                self._discard(stored)
            if queue.behind:
                self._refill(queue)
                return None
        return None

    async def discard_expired(self) -> None:
        """Leave out expired messages at the head of each queue; for endpoints that nobody reads."""
        now = time.time()
        for queue in list(self._ordered):
            while True:
                while (stored := queue.peek()) is not None and _is_expired(stored, now):
                    queue.pop()
                    self._discard(stored)
                if stored is not None or not queue.behind:
                    break
                if not await self._refill(queue):
                    return

    def without_expired(self, taken: Sequence[Stored]) -> list[Stored]:
        """Of messages that were taken and could not be delivered, those to try again."""
        now = time.time()
        for stored in taken:
            if _is_expired(stored, now):
                self._discard(stored)
        return [stored for stored in taken if not _is_expired(stored, now)]

    def _discard(self, stored: Stored) -> None:
        self._store.remove([stored.key])
        self._expired(stored)

    def _queue(self, rank: int) -> HotQueue:
        queue = self._queues.get(rank)
        if queue is None:
            queue = self._queues[rank] = HotQueue(self._store, self.name, rank)
            self._ordered = sorted(self._queues.values(), key=lambda q: q.rank)
        return queue

    def _refill(self, queue: HotQueue) -> asyncio.Task[bool]:
        task = self._refills.get(queue)
        if task is None:
            task = self._refills[queue] = asyncio.get_running_loop().create_task(self._refill_and_wake(queue))
        return task

    async def _refill_and_wake(self, queue: HotQueue) -> bool:
        """False when the store cannot be read."""
        try:
            await queue.refill()
        except Exception as error:  # noqa: BLE001 - whatever it is, this queue cannot go on
            self._failed(error)
            return False
        finally:
            del self._refills[queue]
        self.wake()
        return True


def _is_expired(stored: Stored, now: float) -> bool:
    return stored.expires is not None and stored.expires <= now
