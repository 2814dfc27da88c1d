"""The parent process: forks the workers, starts again one that died, and ends when all have.

It imports what the workers need and does nothing else, so that a worker is there within milliseconds and shares
the pages of the code; it starts no thread, because a fork keeps only one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

_log = logging.getLogger(__name__)

_STOPS = (signal.SIGTERM, signal.SIGINT)
_SHORT_LIFE_S = 5.0
_LONGEST_PAUSE_S = 10.0
_LOOK_S = 0.1
_MORE_THAN_DRAINING_S = 5.0


class Supervisor:
    """Keeps `count` workers.

    Args:
        work: the body of a worker process; gets a file descriptor that ends with the parent. It returns or raises.
        count: how many.
        ended: called in the parent with the process id of each worker that ended.
        stopping: called in the parent when the first signal comes, to give up what new workers would need.
        patience_s: how long workers may take to end after a signal, before they are killed.
    """

    def __init__(
        self,
        work: Callable[[int], None],
        count: int,
        ended: Callable[[int], None],
        stopping: Callable[[], None],
        patience_s: float,
    ) -> None:
        self._work = work
        self._count = count
        self._ended = ended
        self._give_up = stopping
        self._patience_s = patience_s + _MORE_THAN_DRAINING_S
        self._workers: dict[int, float] = {}
        self._stopping = False
        self._short_lives = 0
        self._missing = 0
        self._start_again_s = 0.0
        self._alive_read, self._alive_write = os.pipe()

    def run(self) -> int:
        """Until a signal has ended all workers: exit code 0, or 1 if one failed to end in time or by itself.

        A worker that ends before a signal is started again; one that cannot start, for ever, with pauses.
        """
        for number in _STOPS:
            signal.signal(number, self._pass_on)
        signal.signal(signal.SIGALRM, self._kill)
        for _ in range(self._count):
            self._start()
        code = 0
        while self._workers or (self._missing and not self._stopping):
            if self._missing and time.monotonic() >= self._start_again_s:
                self._start_the_missing()
            code = max(code, self._wait())
        return code

    def _start(self) -> None:
        # A signal between the fork and the entry in the table would miss the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            if not self._stopping:
                pid = os.fork()
                if pid == 0:
                    self._be_a_worker()
                self._workers[pid] = time.monotonic()
        except OSError as error:
            # Out of processes or memory, for now: those that are there go on.
            _log.error("cannot start a worker: %s", error.strerror)
            self._miss_one(0.0)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)

    def _be_a_worker(self) -> None:
        code = 1
        try:
            os.close(self._alive_write)
            for number in (*_STOPS, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            self._work(self._alive_read)
            code = 0
        except KeyboardInterrupt:
            code = 0
        except BaseException:  # noqa: BLE001 - a worker must not go on as a second parent
            _log.exception("the worker ends")
        finally:
            logging.shutdown()
            os._exit(code)

    def _start_the_missing(self) -> None:
        missing, self._missing = self._missing, 0
        for _ in range(missing):
            self._start()

    def _wait(self) -> int:
        # Others may end while one that is missing is not due yet.
        pid, status = os.waitpid(-1, os.WNOHANG if self._missing else 0) if self._workers else (0, 0)
        if pid == 0:
            time.sleep(_LOOK_S)
            return 0
        started = self._workers.pop(pid, None)
        if started is None:
            return 0
        self._ended(pid)
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            # A signal ends a worker that has not begun to serve yet.
            return int(code not in (0, -signal.SIGTERM, -signal.SIGINT))
        life_s = time.monotonic() - started
        _log.error("worker %d ended with %d after %.1f s; starting another", pid, code, life_s)
        self._miss_one(life_s)
        return 0

    def _miss_one(self, life_s: float) -> None:
        self._short_lives = self._short_lives + 1 if life_s < _SHORT_LIFE_S else 0
        pause_s = min(_LONGEST_PAUSE_S, 0.1 * 2 ** min(self._short_lives, 10)) if self._short_lives else 0.0
        self._start_again_s = time.monotonic() + pause_s
        self._missing += 1

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping = True
            signal.setitimer(signal.ITIMER_REAL, self._patience_s)
            self._give_up()
        self._tell_all(signal.Signals(number))

    def _kill(self, _number: int, _frame: FrameType | None) -> None:
        _log.error("workers %s do not end: killed", list(self._workers))
        self._tell_all(signal.SIGKILL)

    def _tell_all(self, number: signal.Signals) -> None:
        for pid in list(self._workers):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
