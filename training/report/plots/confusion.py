"""Which class is taken for which: one matrix a bundle."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.report.plots.style import INK, new_figure

_PAPER_TO_RED = LinearSegmentedColormap.from_list("confusion", ("#FFFFFF", "#FDD0A2", "#D94801"))
_RIGHT = "#E6EEF5"


def draw(name: str, test: dict[str, Any]) -> Figure:
    """Percent of each true class (row) that got each answer (column); only mistakes are coloured by size."""
    labels, counts = test["confusion"]["labels"], np.array(test["confusion"]["counts"], np.float64)
    percent = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    mistakes = percent.copy()
    np.fill_diagonal(mistakes, 0)
    figure = new_figure(6.6)
    axes = figure.add_subplot()
    axes.imshow(mistakes, cmap=_PAPER_TO_RED, vmin=0, vmax=max(1.0, mistakes.max()))
    for number in range(len(labels)):
        axes.add_patch(Rectangle((number - 0.5, number - 0.5), 1, 1, facecolor=_RIGHT, edgecolor="none"))
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.05:
            dark = row != column and value > 0.6 * mistakes.max()
            axes.text(
                column,
                row,
                f"{value:.1f}",
                ha="center",
                va="center",
                fontsize=9,
                weight="bold" if row == column else "normal",
                color="white" if dark else INK,
            )
    axes.set_xticks(range(len(labels)), labels, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.set_title(f"{name}: percent of each class that got each answer ({test['n']:,} test pictures)")
    return figure
