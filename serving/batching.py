"""Dynamic batching: what waits when the worker thread is free goes to it together.

Nobody waits for a batch to fill: on an idle service a picture goes at once, on a busy one the pictures that came
while the last batch was computed form the next. The hop to the thread and back, some 50 microseconds, is so
shared when it matters. The queue is bounded twice: in pictures, and in the time that they would wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from serving import vital
from serving.errors import EndingError, OverloadedError, StuckError
from serving.metrics import BATCH_PICTURES, DROPPED, QUEUE

P = TypeVar("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)
_WEIGHT_OF_THE_LAST_BATCH = 0.1
_ENDING_S = 1.0
_LAST_BATCH_S = 5.0


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds of one queue.

    batch: pictures per hop to the worker thread, at most.
    queue: pictures that wait, at most.
    wait_s: seconds that a picture waits before its batch begins, at most.
    stuck_s: seconds after which a batch is taken for one that never ends: far above what any takes.
    """

    batch: int = 8
    queue: int = 256
    wait_s: float = 0.25
    stuck_s: float = 120.0


@dataclass(slots=True)
class _Waiting(Generic[P, R]):
    item: P
    arrived_s: float
    bounded: bool
    answer: asyncio.Future[R]


class Batcher(Generic[P, R]):
    """Calls `work(items)` in one thread of its own, with up to `limits.batch` items of any requests at a time."""

    def __init__(self, work: Callable[[Sequence[P]], Sequence[R]], limits: BatchLimits) -> None:
        self._work = work
        self._limits = limits
        self._queue: deque[_Waiting[P, R]] = deque()
        self._at_work: list[_Waiting[P, R]] = []
        self._stuck: StuckError | None = None
        self._shown = 0
        self._seconds_per_item = 0.0
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def expected_wait_s(self) -> float:
        """How long an item that came now would wait, by the pace of late."""
        return (len(self._queue) + len(self._at_work)) * self._seconds_per_item

    async def start(self) -> None:
        self._task = vital.start(self._run(), "batches")

    async def stop(self) -> None:
        """Drop what waits and what is at work (its requests fail with EndingError), and wait for the thread.

        A thread that does not end is left alone after some seconds; it ends with the process.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._give_up()

    async def submit(self, items: Sequence[P]) -> list[R]:
        """The results of `items`, in their order.

        More than a batch goes batch by batch, so that one large request does not fill the queue; what it has
        begun it may end, whatever comes meanwhile. A caller that is cancelled takes its items out of the queue.

        Raises:
            OverloadedError: the queue is full, or the items would wait or have waited longer than the bound; or
                nothing is scored any more.
            EndingError: scoring ended meanwhile.
            StuckError: a batch does not end.
        """
        if not self.running:
            raise OverloadedError("this process is ending", _ENDING_S)
        if self._stuck is not None:
            raise StuckError(*self._stuck.args)
        results: list[R] = []
        step = self._limits.batch
        for start in range(0, len(items), step):
            part = items[start : start + step]
            if start == 0:
                self._refuse_if_full(len(part), len(items))
            answers = self._enqueue(part, bounded=start == 0)
            try:
                results += [await answers[0]] if len(answers) == 1 else await asyncio.gather(*answers)
            except OverloadedError:
                DROPPED.labels("waited").inc(len(items) - start - len(part))
                raise
        return results

    def _enqueue(self, items: Sequence[P], *, bounded: bool) -> list[asyncio.Future[R]]:
        loop, now = asyncio.get_running_loop(), time.perf_counter()
        waiting = [_Waiting(item, now, bounded, loop.create_future()) for item in items]
        self._queue.extend(waiting)
        self._arrived.set()
        return [one.answer for one in waiting]

    def full(self) -> OverloadedError | None:
        """Why not even one item more would be taken now."""
        return self._over(1)[1]

    def _refuse_if_full(self, count: int, of: int) -> None:
        """Refuse a request of `of` items whose first `count` would wait now."""
        reason, error = self._over(count)
        if error is not None:
            DROPPED.labels(reason).inc(of)
            raise error

    def _over(self, count: int) -> tuple[str, OverloadedError | None]:
        """Which bound `count` items more would break, and the error that tells it."""
        wait_s = self.expected_wait_s
        if len(self._queue) + count > self._limits.queue:
            text = f"{len(self._queue)} pictures are waiting already"
            return "queue_full", OverloadedError(text, wait_s)
        # What the next batch has room for is never refused by an estimate.
        if wait_s > self._limits.wait_s and len(self._queue) + count > self._limits.batch:
            text = f"the wait would be {wait_s:.2f} s; at most {self._limits.wait_s:g} s is allowed"
            return "would_wait", OverloadedError(text, wait_s)
        return "", None

    async def _run(self) -> None:
        try:
            await self._work_off()
        finally:
            self._give_up()

    def _give_up(self) -> None:
        self._fail_all(EndingError("the process ended before this was scored"))

    def _fail_all(self, error: Exception) -> None:
        _fail((*self._at_work, *self._queue), error)
        self._at_work = []
        self._queue.clear()
        self._show_queue()

    async def _work_off(self) -> None:
        worker = ThreadPoolExecutor(1, thread_name_prefix="score")
        try:
            while True:
                await self._arrived.wait()
                batch = self._take()
                if not batch:
                    self._arrived.clear()
                    continue
                started = time.perf_counter()
                try:
                    _answer(batch, await self._results(worker, [one.item for one in batch]))
                except Exception as error:  # noqa: BLE001 - told to each request that waits
                    _log.exception("a batch of %d pictures failed", len(batch))
                    _fail(batch, error)
                self._done(len(batch), time.perf_counter() - started)
        finally:
            worker.shutdown(wait=False)  # waiting would hold up the event loop

    async def _results(self, worker: ThreadPoolExecutor, items: Sequence[P]) -> Sequence[R]:
        """What the thread makes of a batch. While it does not come back, whoever asks is told so at once."""
        scored = asyncio.wrap_future(worker.submit(self._work, items))
        try:
            if not (await asyncio.wait([scored], timeout=self._limits.stuck_s))[0]:
                self._stuck = StuckError(
                    f"the model does not come back from a batch of {len(items)} pictures"
                )
                _log.error("%s after %g s", self._stuck, self._limits.stuck_s)
                self._fail_all(self._stuck)
                await asyncio.wait([scored])
                self._stuck = None
        except asyncio.CancelledError:
            if self._stuck is None:
                await asyncio.wait([scored], timeout=_LAST_BATCH_S)
            raise
        return scored.result()

    def _take(self) -> list[_Waiting[P, R]]:
        batch: list[_Waiting[P, R]] = []
        oldest_s = time.perf_counter() - self._limits.wait_s
        while self._queue and len(batch) < self._limits.batch:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                DROPPED.labels("client_left").inc()
            elif waiting.bounded and waiting.arrived_s < oldest_s:
                DROPPED.labels("waited").inc()
                text = f"waited longer than {self._limits.wait_s:g} s"
                waiting.answer.set_exception(OverloadedError(text, self.expected_wait_s))
            else:
                batch.append(waiting)
        self._at_work = batch
        self._show_queue()
        return batch

    def _show_queue(self) -> None:
        # A gauge for all queues of the process, of which flights have several.
        QUEUE.inc(len(self._queue) - self._shown)
        self._shown = len(self._queue)

    def _done(self, count: int, seconds: float) -> None:
        self._at_work = []
        BATCH_PICTURES.observe(count)
        pace, new = self._seconds_per_item, seconds / count
        # One batch that the machine held up says little, a fast one says what is possible.
        slower = pace + _WEIGHT_OF_THE_LAST_BATCH * (new - pace)
        self._seconds_per_item = min(new, slower) if pace else new


def _answer(batch: Sequence[_Waiting[P, R]], results: Sequence[R]) -> None:
    for waiting, result in zip(batch, results, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(result)


def _fail(batch: Sequence[_Waiting[P, R]], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
