"""One look for every picture, and files that come out the same at every run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BUNDLE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Okabe and Ito's colours, which the colour-blind can tell apart too; in the order of the bundles."""
REFERENCE_COLOURS = ("#4D4D4D", "#8A8A8A", "#A88B4C")
INK, FAINT = "#222222", "#D9D9D9"
WIDTH_IN = 8.5
"""Inches: at 150 dots an inch, text of 10 points is still 14 pixels high where GitHub shows the page."""

_STYLE: dict[str, Any] = {
    "figure.dpi": 150,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
}


def new_figure(height_in: float, width_in: float = WIDTH_IN) -> Figure:
    """An empty figure that arranges its axes so that no text is cut off or covered."""
    mpl.rcParams.update(_STYLE)
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG without matplotlib's version in it, the only thing that would tell two runs apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", metadata={"Software": None})


def footnote(figure: Figure, text: str) -> None:
    """A line in small letters below everything else."""
    figure.supxlabel(text, fontsize=8.5, x=0.01, ha="left")


def bundle_colour(number: int) -> str:
    return BUNDLE_COLOURS[number % len(BUNDLE_COLOURS)]


def reference_colour(number: int) -> str:
    return REFERENCE_COLOURS[number % len(REFERENCE_COLOURS)]


def spread(values: list[float], least: float) -> list[float]:
    """Places for labels beside `values`, in the same order, at least `least` apart and as near as can be."""
    order = sorted(range(len(values)), key=values.__getitem__)
    groups: list[list[int]] = []
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _low(groups[-1], values, least) < _high(groups[-2], values, least) + least:
            groups[-2:] = [groups[-2] + groups[-1]]
    places = list(values)
    for group in groups:
        for position, index in enumerate(group):
            places[index] = _low(group, values, least) + position * least
    return places


def _low(group: list[int], values: list[float], least: float) -> float:
    return sum(values[index] for index in group) / len(group) - (len(group) - 1) * least / 2


def _high(group: list[int], values: list[float], least: float) -> float:
    return _low(group, values, least) + (len(group) - 1) * least
