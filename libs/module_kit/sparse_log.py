"""Warnings about what may happen with every message: the counters know each, the log hears of one in a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

EVERY_S = 5.0


class SparseLog:
    """At most one line in 5 s, with the number of those since the last one: a bad sender must not fill the disk.

    Args:
        log: where the lines go.
        what: what is counted, in the plural: `frames`.
    """

    def __init__(self, log: logging.Logger, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._what = what
        self._clock = clock
        self._again_at = 0.0
        self._untold = 0

    def warning(self, text: str) -> None:
        self._untold += 1
        now = self._clock()
        if now >= self._again_at:
            self._log.warning("%s (%d such %s since the last line)", text, self._untold, self._what)
            self._again_at, self._untold = now + EVERY_S, 0
