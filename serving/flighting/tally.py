"""What a variant did, in numbers that add up over processes and subtract over time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields

_SAMPLES_A_WINDOW = 120


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one variant under one plan.

    answered: requests and mirrored requests that it answered, failed: those that it failed; together all.
    compared: mirrored answers that were compared, disagreed: those with another label, distance: sum of
    their score distances.
    """

    answered: int = 0
    failed: int = 0
    compared: int = 0
    disagreed: int = 0
    distance: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))


class Window:
    """The tally of the last seconds, from readings of an ever growing one.

    Readings closer together than a hundred-and-twentieth of the window replace each other, so its length is bounded.
    """

    def __init__(self, seconds: float, now: float, total: Tally) -> None:
        """Begins empty: what `total` holds already was before it."""
        self._seconds = seconds
        self._readings = deque([(now, total)])

    def reading(self, now: float, total: Tally) -> Tally:
        """Take note of `total` at the time `now`, and return what the window holds."""
        while len(self._readings) > 1 and self._readings[1][0] <= now - self._seconds:
            self._readings.popleft()
        if now - self._readings[-1][0] >= self._seconds / _SAMPLES_A_WINDOW:
            self._readings.append((now, total))
        return total - self._readings[0][1]
