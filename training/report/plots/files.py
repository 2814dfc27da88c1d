"""All pictures of a report, by their file names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from training.report.bench_rows import bench_rows
from training.report.document import Report
from training.report.plots import calibration, confusion, jpeg_quality, latency
from training.report.plots.style import save


def draw_all(report: Report, folder: Path) -> list[Path]:
    """Write them into `folder`, and remove those of an earlier report that this one does not have."""
    written = []
    for name, figure in _figures(report):
        if figure is not None:
            save(figure, folder / name)
            written.append(folder / name)
    for old in set(folder.glob("*.png")) - set(written):
        old.unlink()
    return written


def _figures(report: Report) -> Iterator[tuple[str, Figure | None]]:
    for bundle in report.bundles:
        yield f"confusion-{bundle.name}.png", confusion.draw(bundle.name, bundle.test)
    yield "jpeg-quality.png", jpeg_quality.draw(report.bundles)
    yield "latency.png", latency.draw(bench_rows(report), report.machine)
    yield "reliability.png", calibration.draw_reliability(report.bundles)
    yield "abstention.png", calibration.draw_abstention(report.bundles)
