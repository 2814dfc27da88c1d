"""Counters as rates. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping

WINDOW_S = 5.0
_LEAST_S = 0.5


class Rates:
    """How fast counters rise, over the last seconds."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, Mapping[Hashable, int]]] = deque()

    def take(self, now: float, counts: Mapping[Hashable, int]) -> None:
        """The counters at `now`, in seconds of a clock that never goes back."""
        while len(self._past) > 1 and now - self._past[1][0] >= WINDOW_S:
            self._past.popleft()
        self._past.append((now, counts))

    def clear(self) -> None:
        """The counters begin at 0 again."""
        self._past.clear()

    def of(self, name: Hashable) -> float:
        """A second; 0 until there are two readings, half a second apart: one message in 20 ms is no 50 a second."""
        if len(self._past) < 2:
            return 0.0
        (then, before), (now, after) = self._past[0], self._past[-1]
        # A counter that had no reading then stood at 0.
        risen = after.get(name, 0) - before.get(name, 0)
        return round(max(0, risen) / (now - then), 3) if now - then >= _LEAST_S else 0.0
