"""Percentiles of durations in bounded memory."""

from __future__ import annotations

import math
from collections import Counter

from module_kit.summary import Percentiles

_STEP = math.log(1.1)
_LEAST_MS, _MOST_MS = 0.01, 1e8


class DurationHistogram:
    """Bars 10 % wide from 0.01 ms to a day, so a percentile is at most 5 % off."""

    def __init__(self) -> None:
        self._bars: Counter[int] = Counter()
        self._count = 0

    def add(self, milliseconds: float) -> None:
        bounded = min(max(milliseconds, _LEAST_MS), _MOST_MS)
        self._bars[math.floor(math.log(bounded) / _STEP)] += 1
        self._count += 1

    def percentiles(self) -> Percentiles:
        return Percentiles(p50=self._at(0.50), p95=self._at(0.95), p99=self._at(0.99))

    def _at(self, share: float) -> float:
        rank, seen = share * self._count, 0
        for bar in sorted(self._bars):
            seen += self._bars[bar]
            if seen >= rank:
                return float(f"{math.exp((bar + 0.5) * _STEP):.3g}")
        return 0.0
