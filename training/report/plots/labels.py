"""Names beside points, where they cover neither each other nor the curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from training.report.plots.style import INK

_DIRECTIONS = ((1, 0), (1, -1), (1, 1), (-1, 0), (-1, -1), (-1, 1), (0, -1), (0, 1))
"""Right of the point first, above it last."""
_DISTANCES = (9, 16, 26, 32, 38, 45, 52, 60, 70, 90, 120, 160)
"""Points (1/72 inch) between the marker's middle and the text."""
_LEADER_FROM = 26
_CLEARANCE_PX = 5


@dataclass(frozen=True, slots=True)
class Label:
    """A text for the point (`x`, `y`), in the units of the axes."""

    x: float
    y: float
    text: str
    colour: str = INK
    bold: bool = False


def place(
    figure: Figure, axes: Any, labels: Sequence[Label], obstacles: Sequence[tuple[float, float]]
) -> None:
    """Put each label at the nearest free place, first come first served; a far one gets a thin line to its point.

    Args:
        figure: complete but for the labels, with its limits set.
        axes: of `figure`.
        labels: the most important first.
        obstacles: points along the curves, which labels keep off where they can.
    """
    figure.draw_without_rendering()
    markers = axes.transData.transform(np.array([(label.x, label.y) for label in labels]))
    curves = axes.transData.transform(np.array(obstacles)) if obstacles else markers
    boxes: list[Any] = []
    for label in labels:
        # a name that crosses a curve can still be read, one on top of another name cannot
        for blocked in (np.concatenate([markers, curves]), markers, markers[:0]):
            if _try(axes, label, boxes, blocked):
                break
        else:
            _annotate(axes, label, _DISTANCES[0], _DIRECTIONS[0])


def _try(axes: Any, label: Label, boxes: list[Any], blocked: Any) -> bool:
    """Put the label where no box and no blocked point is; its own box joins `boxes`."""
    renderer = axes.figure.canvas.get_renderer()
    for distance, direction in ((d, way) for d in _DISTANCES for way in _DIRECTIONS):
        text = _annotate(axes, label, distance, direction)
        text.update_positions(renderer)
        # an annotation's own extent would hold its line, and so its point, too
        box = Text.get_window_extent(text, renderer).padded(_CLEARANCE_PX)
        if _free(box, axes.bbox, boxes, blocked):
            boxes.append(box)
            return True
        text.remove()
    return False


def _annotate(axes: Any, label: Label, distance: int, direction: tuple[int, int]) -> Any:
    across, up = direction
    line = {"arrowstyle": "-", "color": label.colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 4}
    text = axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=(across * distance, up * distance),
        textcoords="offset points",
        ha={1: "left", 0: "center", -1: "right"}[across],
        va={1: "bottom", 0: "center", -1: "top"}[up],
        fontsize=9,
        color=label.colour,
        weight="bold" if label.bold else "normal",
        arrowprops=line if distance >= _LEADER_FROM else None,
    )
    # otherwise the layout would make room for a label that is about to move
    text.set_in_layout(False)
    return text


def _free(box: Any, inside: Any, boxes: Sequence[Any], blocked: Any) -> bool:
    within = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
    covered = (
        (blocked[:, 0] > box.x0)
        & (blocked[:, 0] < box.x1)
        & (blocked[:, 1] > box.y0)
        & (blocked[:, 1] < box.y1)
    )
    return within and not covered.any() and not any(box.overlaps(other) for other in boxes)


def along(xs: Sequence[float], ys: Sequence[float], points: int = 200) -> list[tuple[float, float]]:
    """Points along the line through (xs, ys), xs ascending, as obstacles."""
    across = np.linspace(xs[0], xs[-1], points)
    return list(zip(across.tolist(), np.interp(across, xs, ys).tolist(), strict=True))
