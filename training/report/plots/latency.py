"""Accuracy on the JPEG test pictures against latency, bundles beside the reference models."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from training.report.bench_rows import BenchRow
from training.report.plots.style import FAINT, bundle_colour, new_figure, reference_colour


def draw(rows: tuple[BenchRow, ...], machine: str) -> Figure | None:
    """None where nothing was measured."""
    shown = [row for row in rows if row.jpeg is not None]
    if not shown:
        return None
    figure = new_figure(4.6)
    axes = figure.add_subplot()
    counts = {"bundle": 0, "reference": 0}
    for row in shown:
        number, counts[row.kind] = counts[row.kind], counts[row.kind] + 1
        _point(axes, row, bundle_colour(number) if row.kind == "bundle" else reference_colour(number))
    axes.set_xlim(0, 1.45 * max(row.median_ms for row in shown))
    axes.margins(y=0.14)
    axes.set_xlabel("median latency of one inference, ms (one thread)")
    axes.set_ylabel("top-1")
    axes.set_title(f"Accuracy on JPEG test pictures against latency, {machine}", fontsize=10)
    return figure


def _point(axes: Any, row: BenchRow, colour: str) -> None:
    own = row.kind == "bundle"
    if row.published_lossless is not None:
        axes.plot(
            [row.median_ms] * 2, [row.jpeg, row.published_lossless], color=FAINT, linewidth=1.4, zorder=1
        )
        axes.plot(
            row.median_ms, row.published_lossless, "D", color="white", markeredgecolor=colour, markersize=6
        )
        _label(
            axes,
            row.median_ms,
            row.published_lossless,
            f"{row.published_lossless:.3f} lossless, as published",
            colour,
        )
    axes.plot(row.median_ms, row.jpeg, "o", color=colour, markersize=10 if own else 7, zorder=3)
    text = f"{row.name}  {row.jpeg:.3f} at {row.median_ms:.2f} ms"
    _label(axes, row.median_ms, row.jpeg, text, colour, weight="bold" if own else "normal")


def _label(axes: Any, x: float, y: float | None, text: str, colour: str, weight: str = "normal") -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=colour,
        weight=weight,
    )
