"""Pauses between attempts at what may be away for long."""

from __future__ import annotations

import random


class Backoff:
    """Delays that double from `first_s` up to `longest_s`, each between half of itself and itself.

    The draw keeps many devices that lost the same thing from coming back at the same moment.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = self._next_s = first_s
        self._longest_s = longest_s

    def next_s(self) -> float:
        """The next delay in seconds."""
        delay_s, self._next_s = self._next_s, min(self._next_s * 2, self._longest_s)
        return delay_s * random.uniform(0.5, 1)  # noqa: S311 - spreads attempts, hides nothing

    def reset(self) -> None:
        """It worked: the next delay is the first again."""
        self._next_s = self._first_s
