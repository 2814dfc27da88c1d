"""Processes that score parts side by side, and outlive a picture that kills one of them.

Each has a pipe of its own to the process that hands out the work: when that one is killed, the pipes close and
the workers end by themselves. concurrent.futures' workers hold both ends of their queue, so they would wait for ever.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from queue import Queue
from types import TracebackType
from typing import Self

from image_classifier.batch.entries import Entry
from image_classifier.batch.errors import BatchError
from image_classifier.batch.reading import PictureReader
from image_classifier.batch.scoring import Scores, score
from image_classifier.bundle import Bundle
from image_classifier.classifier import Classifier
from image_classifier.errors import ImageClassifierError

_IN_HAND = 2
"""Tasks a worker holds: it has the next one when it is done with one."""
WORKER_DIED = "worker_died"


@dataclass(frozen=True, slots=True)
class Task:
    """Entries of one part, from the one with the number `start` there."""

    part: int
    start: int
    entries: tuple[Entry, ...]


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    in_hand: deque[Task]
    started: bool = False


class Workers:
    """A fixed number of processes with one bundle. A context manager: leaving it ends them."""

    def __init__(self, bundle: Bundle, count: int) -> None:
        self._bundle = bundle
        self._count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        with _interrupts_held():
            self._workers = [self._start() for _ in range(self._count)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()  # what it still has in hand is nobody's any more
        for worker in self._workers:
            worker.process.join()
            worker.process.close()
        self._workers = []

    def score(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Scores]]:
        """The scores of each task, in the order in which they are done.

        A task whose worker dies is tried again in halves, so that in the end one picture is known to kill it: that
        one has the reason `worker_died`, and the others their scores.

        Raises:
            BatchError: a worker cannot start.
        """
        waiting, again = iter(tasks), deque[Task]()
        for worker in self._workers:
            self._fill(worker, again, waiting)
        while any(worker.in_hand for worker in self._workers):
            ready = wait([worker.pipe for worker in self._workers if worker.in_hand])
            for place, worker in enumerate(self._workers):
                if worker.pipe not in ready:
                    continue
                try:
                    answer = worker.pipe.recv()
                except (EOFError, OSError):
                    yield from self._bury(place, again)
                    continue
                if isinstance(answer, Scores):
                    yield worker.in_hand.popleft(), answer
                elif answer is not None:
                    raise BatchError(f"a worker cannot start: {answer}")
                worker.started = True
            for worker in self._workers:
                self._fill(worker, again, waiting)

    def _fill(self, worker: _Worker, again: deque[Task], waiting: Iterator[Task]) -> None:
        while len(worker.in_hand) < _IN_HAND:
            task = again.popleft() if again else next(waiting, None)
            if task is None:
                return
            worker.in_hand.append(task)
            try:
                worker.pipe.send(task.entries)
            except OSError:  # it died: reading from it will tell
                return

    def _bury(self, place: int, again: deque[Task]) -> Iterator[tuple[Task, Scores]]:
        """Put a new worker in a dead one's place. Only the first task in its hands can have killed it."""
        worker = self._workers[place]
        worker.pipe.close()
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        if not worker.started:
            raise BatchError(f"a worker ended {how} before it could score anything; try fewer with --workers")
        suspect, *others = worker.in_hand
        with _interrupts_held():
            self._workers[place] = self._start()
        worker.process.close()
        again.extendleft(reversed(others))
        if len(suspect.entries) == 1:
            scores = Scores.empty(1, len(self._bundle.labels))
            scores.failures[0] = (WORKER_DIED, f"the process that read it ended {how}")
            yield suspect, scores
            return
        half = len(suspect.entries) // 2
        again.appendleft(Task(suspect.part, suspect.start + half, suspect.entries[half:]))
        again.appendleft(Task(suspect.part, suspect.start, suspect.entries[:half]))

    def _start(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        # Spawned, not forked: threads of the table's library must not be copied in the middle of their work.
        process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(theirs, self._bundle), name="scoring", daemon=True
        )
        try:
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return _Worker(process, ours, deque())


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A terminal's Ctrl-C goes to every process of the group; what is started here never sees it."""
    # It lets SIGINT through again when it starts, which would be between this and the first worker.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, bundle: Bundle) -> None:
    try:
        classifier = Classifier(bundle)
        pipe.send(None)
        work: Queue[tuple[Entry, ...] | None] = Queue()
        # Two that send at once, and read afterwards, would wait for each other for ever.
        threading.Thread(target=_receive, args=(pipe, work), name="receive", daemon=True).start()
        with PictureReader() as reader:
            while (entries := work.get()) is not None:
                pipe.send(score(classifier, reader, entries))
    except ImageClassifierError as error:
        pipe.send(str(error))
    except (BrokenPipeError, ConnectionResetError):  # nobody hands out work any more
        return


def _receive(pipe: Connection, work: Queue[tuple[Entry, ...] | None]) -> None:
    try:
        while True:
            work.put(pipe.recv())
    except (EOFError, OSError):
        work.put(None)
