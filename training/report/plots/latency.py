"""Accuracy on the JPEG test pictures against latency, bundles beside the reference models."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from training.report.bench_rows import BenchRow
from training.report.plots.labels import Label, place
from training.report.plots.style import FAINT, bundle_colour, footnote, new_figure, reference_colour


def draw(rows: tuple[BenchRow, ...], machine: str) -> Figure | None:
    """None where nothing was measured."""
    shown = [(row, row.jpeg) for row in rows if row.jpeg is not None]
    if not shown:
        return None
    figure = new_figure(4.8)
    axes = figure.add_subplot()
    counts = {"bundle": 0, "reference": 0}
    labels: list[Label] = []
    for row, jpeg in shown:
        number, counts[row.kind] = counts[row.kind], counts[row.kind] + 1
        colour = bundle_colour(number) if row.kind == "bundle" else reference_colour(number)
        labels += _point(axes, row, jpeg, colour)
    axes.set_xlim(0, 1.3 * max(row.median_ms for row, _ in shown))
    axes.margins(y=0.12)
    axes.set_xlabel("median latency of one inference, ms (one thread)")
    axes.set_ylabel("top-1")
    axes.set_title(f"Top-1 on JPEG test pictures against latency\n{machine}")
    if any(row.published_lossless is not None for row, _ in shown):
        footnote(figure, "† on lossless test images, as published; not measured here")
    obstacles = [
        (row.median_ms, jpeg + (row.published_lossless - jpeg) * step / 40)
        for row, jpeg in shown
        if row.published_lossless is not None
        for step in range(41)
    ]
    place(figure, axes, sorted(labels, key=lambda label: not label.bold), obstacles)
    return figure


def _point(axes: Any, row: BenchRow, jpeg: float, colour: str) -> list[Label]:
    own = row.kind == "bundle"
    x, lossless = row.median_ms, row.published_lossless
    labels = [Label(x, jpeg, f"{row.name}\n{jpeg:.3f}, {x:.2f} ms", colour, bold=own)]
    if lossless is not None:
        axes.plot([x, x], [jpeg, lossless], color=FAINT, linewidth=1.6, zorder=1)
        axes.plot(x, lossless, "D", color="white", markeredgecolor=colour, markersize=6)
        labels.append(Label(x, lossless, f"{lossless:.3f} †", colour))
    axes.plot(x, jpeg, "o", color=colour, markersize=10 if own else 7, zorder=3)
    return labels
