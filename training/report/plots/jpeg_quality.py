"""Accuracy against JPEG quality: one panel a bundle, on the records that this bundle never trained on."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from training.report.document import BundleReport, QualityReport
from training.report.plots.style import bundle_colour, footnote, new_figure, reference_colour, spread
from training.report.tables import standard_error

_LABEL_ROOM = 0.55
"""Room for the names right of the curves, as a share of the width of the curves."""


def draw(bundles: tuple[BundleReport, ...]) -> Figure | None:
    """None where no bundle has such a measurement."""
    measured = [(number, b.name, b.quality) for number, b in enumerate(bundles) if b.quality is not None]
    if not measured:
        return None
    figure = new_figure(4.2 if len(measured) > 1 else 4.6)
    all_axes = figure.subplots(1, len(measured), sharey=True, squeeze=False)[0]
    low = min(min(curve.top1) for _, _, quality in measured for curve in quality.curves)
    high = max(max(curve.top1) for _, _, quality in measured for curve in quality.curves)
    for axes, (number, name, quality) in zip(all_axes, measured, strict=True):
        _panel(axes, name, quality, bundle_colour(number), 0.052 * (high - low) + 0.004)
    all_axes[0].set_ylabel("top-1")
    footnote(
        figure,
        "solid 4:2:0, dotted 4:4:4; band: one standard error.  * had these records in its training set",
    )
    return figure


def _panel(axes: Any, name: str, quality: QualityReport, colour: str, line_height: float) -> None:
    models = [curve.model for curve in quality.curves if curve.chroma == "4:2:0"]
    others = [model for model in models if model != name]
    ends = [quality.curve(model, "4:2:0").top1[-1] for model in models]
    places = dict(zip(models, spread(ends, line_height), strict=True))
    last = quality.qualities[-1]
    for model in models:
        own = model == name
        shade = colour if own else reference_colour(others.index(model))
        for chroma, style in (("4:4:4", (0, (2, 1.5))), ("4:2:0", "solid")):
            axes.plot(
                quality.qualities,
                quality.curve(model, chroma).top1,
                color=shade,
                linestyle=style,
                linewidth=2.2 if own else 1.3,
                alpha=1 if chroma == "4:2:0" else 0.75,
            )
        text = model if own else f"{model} *"
        axes.text(
            last + 2,
            places[model],
            text,
            color=shade,
            va="center",
            fontsize=9,
            weight="bold" if own else None,
        )
    own_curve = quality.curve(name, "4:2:0")
    errors = [standard_error(top1, quality.n) for top1 in own_curve.top1]
    axes.fill_between(
        quality.qualities,
        [top1 - error for top1, error in zip(own_curve.top1, errors, strict=True)],
        [top1 + error for top1, error in zip(own_curve.top1, errors, strict=True)],
        color=colour,
        alpha=0.14,
        linewidth=0,
    )
    drop = own_curve.drop
    span = last - quality.qualities[0]
    axes.set_xlim(quality.qualities[0] - 2, last + span * _LABEL_ROOM)
    axes.set_xticks([20, 35, 50, 65, 80, 95])
    axes.set_xlabel("JPEG quality", loc="left")
    axes.set_title(
        f"{name}: {drop.top1:.3f} ± {drop.standard_error:.3f} lost from {drop.better} to {drop.worse}\n"
        f"{quality.n} records that it never saw",
        fontsize=10,
    )
