"""What the shipped bundles have to keep, and what of it a measurement misses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.model.accuracy import Accuracy
from benchmarks.model.data_sets import JPEG, LOSSLESS


@dataclass(frozen=True, slots=True)
class Limits:
    """`latency_ratio` and the sizes at most, `top1` by data set at least."""

    latency_ratio: float
    file_bytes: int
    top1: Mapping[str, float]
    macs: int | None = None


LIMITS = {
    # the multiply-accumulates are for Arm, where time follows them
    "fast": Limits(0.8, 2_000_000, {JPEG: 0.90, LOSSLESS: 0.93}, macs=50_000_000),
    "accurate": Limits(2.0, 5_000_000, {JPEG: 0.93, LOSSLESS: 0.955}),
}
"""By the bundle's name. The ratio is to MLPerf Tiny's ResNet-8 (int8), measured in the same run."""


def missed(
    limits: Limits,
    *,
    latency_ratio: float | None,
    file_bytes: int,
    macs: int,
    accuracy: Mapping[str, Accuracy],
) -> list[str]:
    """What is not kept, in words; what was not measured is not judged."""
    found = []
    if latency_ratio is not None and latency_ratio > limits.latency_ratio:
        found.append(f"ratio {latency_ratio:.3f} > {limits.latency_ratio:g}")
    if limits.macs is not None and macs > limits.macs:
        found.append(f"{macs / 1e6:.1f} million MACs > {limits.macs / 1e6:g}")
    if file_bytes > limits.file_bytes:
        found.append(f"{file_bytes / 1e6:.2f} MB > {limits.file_bytes / 1e6:g}")
    for data_set, least in limits.top1.items():
        measured = accuracy.get(data_set)
        if measured is not None and measured.top1 < least:
            found.append(f"{data_set} {measured.top1:.4f} < {least:g}")
    return found
