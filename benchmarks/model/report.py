"""What a run found, as a table for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.model.accuracy import Accuracy
from benchmarks.model.limits import LIMITS, missed
from benchmarks.model.subjects import Subject
from training.interleaving import Ratio, Seconds

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Result:
    """One model: `times_s` of each timed invocation, the ratio to the reference, accuracy by data set."""

    subject: Subject
    times_s: Seconds
    ratio: Ratio | None
    accuracy: Mapping[str, Accuracy]

    @property
    def missed(self) -> list[str] | None:
        """Limits that it does not keep; None where there are none for it."""
        bundle, footprint = self.subject.bundle, self.subject.footprint
        if self.subject.kind == "reference" or bundle.name not in LIMITS:
            return None
        return missed(
            LIMITS[bundle.name],
            latency_ratio=self.ratio.median if self.ratio else None,
            file_bytes=len(bundle.model_bytes),
            macs=footprint.macs,
            accuracy=self.accuracy,
        )

    def document(self) -> dict[str, Any]:
        bundle, footprint = self.subject.bundle, self.subject.footprint
        ratio, wrong = self.ratio, self.missed
        median, p95 = np.percentile(self.times_s, [50, 95]) * 1000
        peak = footprint.peak_bytes
        return {
            "name": self.subject.name,
            "kind": self.subject.kind,
            "sha256": bundle.sha256,
            "bytes": len(bundle.model_bytes),
            "macs": footprint.macs,
            "medianMs": round(float(median), 5),
            "p95Ms": round(float(p95), 5),
            "latencyRatio": round(ratio.median, 4) if ratio else None,
            "latencyRatioQuartiles": [round(ratio.lower, 4), round(ratio.upper, 4)] if ratio else None,
            "peakMemoryMiB": None if peak is None else round(peak / MIB, 3),
            "arenaKiB": round(footprint.arena_bytes / 1024, 1),
            "accuracy": {
                name: {"top1": round(found.top1, 6), "n": found.n} for name, found in self.accuracy.items()
            },
            "withinLimits": None if wrong is None else not wrong,
            "limitsMissed": wrong or [],
        }


def table(results: Sequence[Result], caption: str) -> Table:
    """One row a model."""
    data_sets = list(dict.fromkeys(name for result in results for name in result.accuracy))
    made = Table(caption=caption, caption_justify="left")
    made.add_column("model", no_wrap=True)
    for heading in (
        "time ratio",
        "median\nms", "p95\nms", "million\nMACs", "file\nkB", "memory\nMiB", "arena\nKiB",
        *(f"{name}\ntop-1 (n)" for name in data_sets),
    ):  # fmt: skip
        made.add_column(heading, justify="right")
    made.add_column("within limit")
    for result in results:
        made.add_row(*_row(result, data_sets))
    return made


def _row(result: Result, data_sets: Sequence[str]) -> list[str]:
    known, ratio = result.document(), result.ratio
    peak = known["peakMemoryMiB"]
    accuracy = [result.accuracy.get(name) for name in data_sets]
    return [
        known["name"],
        f"{ratio.median:.3f} ({ratio.lower:.3f}-{ratio.upper:.3f})" if ratio else "-",
        f"{known['medianMs']:.3f}",
        f"{known['p95Ms']:.3f}",
        f"{known['macs'] / 1e6:.1f}",
        f"{known['bytes'] / 1000:.0f}",
        "-" if peak is None else f"{peak:.1f}",
        f"{known['arenaKiB']:.0f}",
        *(f"{found.top1:.4f} ({found.n})" if found else "-" for found in accuracy),
        "-" if result.missed is None else "\n".join(result.missed) or "yes",
    ]
