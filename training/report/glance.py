"""The bundles beside what they were built for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.model.data_sets import JPEG, LOSSLESS
from benchmarks.model.limits import LIMITS, Limits
from training.report.bench_rows import BenchRow, bench_rows
from training.report.document import BundleReport, Report
from training.report.tables import share, standard_error, table

MOST_QUALITY_DROP = 0.03
"""Most top-1 that may be lost from JPEG quality 95 to 50, on held-out lossless training records."""

JPEG_TEST = "CIFAR-10 test, JPEG files"


@dataclass(frozen=True, slots=True)
class Line:
    """One measure of a bundle; `met` is None where there is no target, or nothing measured."""

    measure: str
    target: str
    measured: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return {True: "met", False: "**missed**", None: ""}[self.met]


def at_a_glance(report: Report) -> str:
    rows = {row.name: row for row in bench_rows(report) if row.kind == "bundle"}
    cells = [
        (f"`{bundle.name}`", line.measure, line.target, line.measured, line.verdict)
        for bundle in report.bundles
        for line in lines(report, bundle, rows.get(bundle.name))
    ]
    return table(("bundle", "measure", "target", "measured", ""), cells, words=5)


def lines(report: Report, bundle: BundleReport, row: BenchRow | None) -> Iterator[Line]:
    limits = LIMITS.get(bundle.name)
    yield from _costs(limits, row)
    yield _jpeg_test(report, bundle, limits)
    yield _lossless_test(bundle, limits, row)
    if bundle.quality is None:
        yield _line("lost from JPEG quality 95 to 50", f"at most {MOST_QUALITY_DROP}", None, None)
        return
    for chroma in ("4:2:0", "4:4:4"):
        drop = bundle.quality.curve(bundle.name, chroma).drop
        yield _line(
            f"top-1 lost from JPEG quality {drop.better} to {drop.worse}, {chroma}",
            f"at most {MOST_QUALITY_DROP}",
            f"{share(drop.top1)} ± {share(drop.standard_error)}",
            drop.top1 <= MOST_QUALITY_DROP,
        )


def _costs(limits: Limits | None, row: BenchRow | None) -> Iterator[Line]:
    yield _line(
        "model file",
        limits and f"at most {limits.file_bytes / 1e6:g} MB",
        row and f"{row.bytes / 1e6:.2f} MB",
        row is not None and limits is not None and row.bytes <= limits.file_bytes,
    )
    yield _line(
        "multiply-accumulates",
        limits and limits.macs and f"at most {limits.macs / 1e6:g} million",
        row and f"{row.macs / 1e6:.1f} million",
        row is not None and limits is not None and limits.macs is not None and row.macs <= limits.macs,
    )
    ratio = row.latency_ratio if row else None
    yield _line(
        "latency ratio to ResNet-8 int8",
        limits and f"at most {limits.latency_ratio:g}",
        None if ratio is None else f"{ratio:.3f}",
        ratio is not None and limits is not None and ratio <= limits.latency_ratio,
    )


def _jpeg_test(report: Report, bundle: BundleReport, limits: Limits | None) -> Line:
    top1, n = bundle.test["top1"], bundle.test["n"]
    measured = (
        f"{share(top1)} ± {share(standard_error(top1, n))} ({n:,})" if report.test_data == JPEG_TEST else None
    )
    least = limits.top1[JPEG] if limits else None
    return _line(
        "JPEG test top-1", least and f"at least {least:g}", measured, least is not None and top1 >= least
    )


def _lossless_test(bundle: BundleReport, limits: Limits | None, row: BenchRow | None) -> Line:
    least = limits.top1[LOSSLESS] if limits else None
    target = least and f"at least {least:g}"
    if row is not None and row.lossless is not None:
        met = least is not None and row.lossless >= least
        return _line("lossless test top-1", target, share(row.lossless), met)
    if bundle.quality is None:
        return _line("lossless test top-1", target, None, None)
    top1, n = bundle.quality.lossless[bundle.name], bundle.quality.n
    instead = f"not here; {share(top1)} ± {share(standard_error(top1, n))} on {n} held-out training records"
    return Line("lossless test top-1", target or "", instead, None)


def _line(measure: str, target: object, measured: object, met: bool | None) -> Line:
    return Line(
        measure,
        str(target) if target else "",
        str(measured) if measured else "not measured",
        met if target and measured else None,
    )
