"""The last resort: a module that hangs ends itself, so that the agent starts it again.

A module whose SDK never comes back after edgeHub restarted looks healthy from outside (peers' complaint:
azure-iot-sdk-python#713). The watchdog is a thread of its own, so that a blocked event loop cannot stop it,
and leaves with `os._exit`, so that a blocked thread cannot either.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

EXIT_CODE = 70
LOOP_LIMIT_S = 60.0
DISCONNECTED_LIMIT_S = 300.0


class Watchdog:
    """Ends the process when the loop has not turned for 60 s or the hub was away for 5 minutes.

    A send that waits for its acknowledgement while connected is back-pressure and never counts.
    `beat` comes from the event loop; `connected` and `disconnected` from any thread.
    """

    def __init__(
        self,
        *,
        loop_limit_s: float = LOOP_LIMIT_S,
        disconnected_limit_s: float = DISCONNECTED_LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._loop_limit_s = loop_limit_s
        self._disconnected_limit_s = disconnected_limit_s
        self._clock = clock
        self._end = end
        self._beaten_at = clock()
        self._lost_at: float | None = clock()
        self._stop = threading.Event()

    def start(self, interval_s: float = 1.0) -> None:
        """Watch from now on; never under a debugger, where a loop stands still because somebody looks at it."""
        if "debugpy" in sys.modules:
            return
        threading.Thread(target=self._watch, args=(interval_s,), name="watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def beat(self) -> None:
        self._beaten_at = self._clock()

    def connected(self) -> None:
        self._lost_at = None

    def disconnected(self) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock()

    def verdict(self) -> str | None:
        """Why the process must end, or None."""
        now = self._clock()
        if now - self._beaten_at > self._loop_limit_s:
            return f"the event loop has not turned for {now - self._beaten_at:.0f} s"
        lost_at = self._lost_at
        if lost_at is not None and now - lost_at > self._disconnected_limit_s:
            return f"no connection to the hub for {now - lost_at:.0f} s"
        return None

    def _watch(self, interval_s: float) -> None:
        while not self._stop.wait(interval_s):
            reason = self.verdict()
            if reason:
                _log.critical("watchdog: %s; ending so that the agent starts this module again", reason)
                logging.shutdown()
                self._end(EXIT_CODE)
                return
