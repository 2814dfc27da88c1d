"""The models of `scripts/bench model --json`, joined with what is known of the references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.model.data_sets import JPEG, LOSSLESS
from training.report.document import Report


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One model of the run. `jpeg` and `lossless` are top-1 measured there; `published_lossless` is not ours."""

    name: str
    kind: str
    bytes: int
    macs: int
    median_ms: float
    p95_ms: float
    latency_ratio: float | None
    peak_memory_mib: float | None
    jpeg: float | None
    lossless: float | None
    published_lossless: float | None


def bench_rows(report: Report) -> tuple[BenchRow, ...]:
    """In the order of the run; none where the command could not be asked."""
    if report.bench is None:
        return ()
    return tuple(_row(model, report) for model in report.bench["models"])


def _row(model: dict[str, Any], report: Report) -> BenchRow:
    known = next(
        (r for r in report.references if r.file.removesuffix(".tflite") == _stem(model["name"])), None
    )
    return BenchRow(
        name=known.name if known else model["name"],
        kind=model["kind"],
        bytes=model["bytes"],
        macs=model["macs"],
        median_ms=model["medianMs"],
        p95_ms=model["p95Ms"],
        latency_ratio=model.get("latencyRatio"),
        peak_memory_mib=model.get("peakMemoryMiB"),
        jpeg=_top1(model, JPEG),
        lossless=_top1(model, LOSSLESS),
        published_lossless=known.lossless if known else None,
    )


def _stem(name: str) -> str:
    return name.removesuffix(".tflite")


def _top1(model: dict[str, Any], data_set: str) -> float | None:
    found = model["accuracy"].get(data_set)
    return None if found is None else float(found["top1"])
