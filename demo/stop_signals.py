"""Signals that ask to stop, noted from the first moment on: nothing that was made is left behind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

INTERRUPTED_EXIT_CODE = 130


class StopSignals:
    """Takes SIGINT, SIGTERM and, unless `nohup` has it ignored, SIGHUP from now on, for the rest of the process."""

    def __init__(self) -> None:
        self.seen = False
        self._notify: Callable[[], None] | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._take)

    def notify(self, callback: Callable[[], None] | None) -> None:
        """Call back at each such signal, and at once when one came already; None: no more.

        The callback runs in a signal handler: it may only hand over to an event loop.
        """
        self._notify = callback
        if self.seen and callback is not None:
            callback()

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self.seen = True
        if self._notify is not None:
            self._notify()
