"""What modules use of processor and memory, from edgeAgent's metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_MEMORY = "edgeAgent_used_memory_bytes"
_SHARE_SUM = "edgeAgent_used_cpu_percent_sum"
_SHARE_COUNT = "edgeAgent_used_cpu_percent_count"


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_percent` is of all processors together, between two readings; None where it is not known."""

    cpu_percent: float | None
    memory_bytes: int | None


@dataclass(slots=True)
class UsageReader:
    """Give it each text that `GET /metrics` of edgeAgent answers, in order."""

    _before: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, text: str) -> dict[str, Usage]:
        """By module; `host` is the whole machine. Raises ValueError for what is no exposition."""
        memory: dict[str, float] = {}
        sums: dict[str, float] = {}
        counts: dict[str, float] = {}
        tables = {_MEMORY: memory, _SHARE_SUM: sums, _SHARE_COUNT: counts}
        for sample in _samples(text):
            table = tables.get(sample.name)
            if table is not None and math.isfinite(sample.value):
                table[sample.labels.get("module_name", "")] = sample.value
        now = {name: (sums[name], counts[name]) for name in sums if name in counts}
        before, self._before = self._before, now
        return {
            name: Usage(_percent(before.get(name), now.get(name)), _whole(memory.get(name)))
            for name in {*memory, *now}
        }


def _samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples


def _percent(before: tuple[float, float] | None, now: tuple[float, float] | None) -> float | None:
    if before is None or now is None or now[1] <= before[1]:
        return None
    return round(max(0.0, now[0] - before[0]) / (now[1] - before[1]), 2)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
