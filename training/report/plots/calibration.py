"""How right a bundle is when it is so sure, and what abstaining gains."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from training.report.document import BundleReport
from training.report.plots.labels import Label, along, place
from training.report.plots.style import FAINT, INK, bundle_colour, footnote, new_figure

MOST_UNANSWERED = 0.6
"""Share of pictures up to which the abstention curve is drawn: beyond, a handful of pictures decides."""


def draw_reliability(bundles: tuple[BundleReport, ...]) -> Figure:
    """A panel a bundle: accuracy against confidence above, share of the pictures in each bin below."""
    figure = new_figure(5.0)
    grid = figure.subplots(
        2, len(bundles), sharex=True, sharey="row", squeeze=False, gridspec_kw={"height_ratios": (3.2, 1)}
    )
    for column, bundle in enumerate(bundles):
        _reliability(grid[0][column], grid[1][column], bundle, bundle_colour(column))
    footnote(figure, "dashed: as often right as sure; above it a model is better than it says")
    grid[0][0].set_ylabel("accuracy")
    grid[1][0].set_ylabel("% of\npictures")
    return figure


def _reliability(upper: Any, lower: Any, bundle: BundleReport, colour: str) -> None:
    calibration = bundle.test["calibration"]
    rows = [row for row in calibration["reliability"] if row["n"]]
    upper.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    for row in rows:
        upper.plot(
            [row["confidence"]] * 2, [row["confidence"], row["accuracy"]], color=FAINT, linewidth=3, zorder=1
        )
    upper.plot(
        [r["confidence"] for r in rows], [r["accuracy"] for r in rows], "o-", color=colour, markersize=5
    )
    upper.set_xlim(0, 1)
    upper.set_ylim(0, 1.02)
    upper.set_title(f"{bundle.name}: expected calibration error {calibration['expectedError']:.3f}")
    width = calibration["reliability"][0]["high"]
    lower.bar(
        [(r["low"] + r["high"]) / 2 for r in rows],
        [100 * r["n"] / bundle.test["n"] for r in rows],
        width=0.86 * width,
        color=colour,
    )
    lower.set_xlabel("confidence: probability of the answer")


def draw_abstention(bundles: tuple[BundleReport, ...]) -> Figure:
    """Accuracy of what is answered against the share that is not, as the margin grows; the own margin marked."""
    figure = new_figure(4.4)
    axes = figure.add_subplot()
    labels, obstacles = [], []
    for number, bundle in enumerate(bundles):
        colour = bundle_colour(number)
        xs, ys = _curve(bundle)
        axes.plot(xs, ys, color=colour)
        obstacles += along(xs, ys)
        own = bundle.test["abstention"]["own"]
        if own["accuracy"] is not None:
            x, y = 100 * own["abstained"], own["accuracy"]
            axes.plot(x, y, "o", color=colour, markersize=8)
            text = f"{bundle.name}, margin {own['margin']:g}\n{x:.1f} % unanswered, {y:.3f} right"
            labels.append(Label(x, y, text, colour, bold=True))
    axes.set_xlim(left=0)
    axes.margins(y=0.16)
    axes.set_xlabel("pictures without an answer, %")
    axes.set_ylabel("accuracy of the answers")
    axes.set_title("What abstaining gains, as the margin grows")
    place(figure, axes, labels, obstacles)
    return figure


def _curve(bundle: BundleReport) -> tuple[list[float], list[float]]:
    """Percent unanswered and accuracy of the rest, up to the margin at which most are unanswered."""
    told = bundle.test["abstention"]
    points = sorted(
        (p for p in [told["own"], *told["curve"]] if p["accuracy"] is not None),
        key=lambda p: float(p["margin"]),
    )
    shown = [p for p in points if p["abstained"] <= MOST_UNANSWERED]
    return [100 * p["abstained"] for p in shown], [p["accuracy"] for p in shown]
