"""What this process has counted for Prometheus. Counters live as long as the process: compare with a moment before."""

from __future__ import annotations

from prometheus_client import REGISTRY

Series = dict[tuple[tuple[str, str], ...], float]


def value(name: str, **labels: str) -> float:
    """Of one series; 0 where there is none yet. `name` as Prometheus shows it."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def series(name: str) -> Series:
    """All series of a name, by their sorted labels."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == name
    }
