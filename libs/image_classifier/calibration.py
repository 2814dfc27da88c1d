"""Whether a model is as often right as it is sure, and what it gains by not answering when it is unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 15
"""Equal-width bins of confidence, as in the paper that `expected_calibration_error` names."""

CURVE_MARGINS = tuple(round(step / 20, 2) for step in range(20))
"""Margins at which the abstention curve is computed: 0, 0.05, ... 0.95."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pictures whose confidence lies in (`low`, `high`] (the first bin holds 0 too).

    confidence, accuracy: means over the bin's `n` pictures, in [0, 1]; None where there is none.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None

    def document(self) -> dict[str, Any]:
        return {
            "low": round(self.low, 6),
            "high": round(self.high, 6),
            "n": self.n,
            "confidence": _rounded(self.confidence),
            "accuracy": _rounded(self.accuracy),
        }


@dataclass(frozen=True, slots=True)
class AbstentionPoint:
    """What becomes of all pictures when the classifier abstains below `margin`.

    abstained: share of the pictures without an answer; accuracy: of the `answered` ones, None where there is none.
    """

    margin: float
    abstained: float
    answered: int
    accuracy: float | None

    def document(self) -> dict[str, Any]:
        return {
            "margin": self.margin,
            "abstained": _rounded(self.abstained),
            "answered": self.answered,
            "accuracy": _rounded(self.accuracy),
        }


def reliability(
    confidences: npt.ArrayLike, right: npt.ArrayLike, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """The reliability table: pictures by how sure the model was of its answer.

    Args:
        confidences: probability of the best label, float (n,), each in [0, 1].
        right: whether that label is the true one, bool (n,).
        bins: how many intervals of equal width cover [0, 1].
    """
    sure, true = np.asarray(confidences, np.float64), np.asarray(right, np.bool_)
    number = np.clip(np.ceil(sure * bins).astype(np.intp) - 1, 0, bins - 1)
    table = []
    for index in range(bins):
        inside = number == index
        count = int(inside.sum())
        table.append(
            ReliabilityBin(
                low=index / bins,
                high=(index + 1) / bins,
                n=count,
                confidence=float(sure[inside].mean()) if count else None,
                accuracy=float(true[inside].mean()) if count else None,
            )
        )
    return tuple(table)


def expected_calibration_error(table: Sequence[ReliabilityBin]) -> float:
    """Mean over all pictures of |accuracy - confidence| of their bin, in [0, 1]; 0 is perfectly calibrated.

    Defined by Naeini et al. (2015) and, for the confidence of the answer in 15 bins of equal width, by Guo et al.,
    "On Calibration of Modern Neural Networks" (2017).
    """
    total = sum(row.n for row in table)
    gaps = (
        row.n * abs(row.accuracy - row.confidence)
        for row in table
        if row.accuracy is not None and row.confidence is not None
    )
    return sum(gaps) / total


def abstention(
    margins: npt.ArrayLike, right: npt.ArrayLike, thresholds: Sequence[float] = CURVE_MARGINS
) -> tuple[AbstentionPoint, ...]:
    """Share abstained and accuracy of the rest, for each threshold.

    Args:
        margins: difference of the best two probabilities, float (n,).
        right: whether the best label is the true one, bool (n,).
        thresholds: the classifier abstains where the margin is below it.
    """
    # single precision, as the classifier compares: a picture must not abstain here and answer there
    apart, true = np.asarray(margins, np.float32), np.asarray(right, np.bool_)
    points = []
    for threshold in thresholds:
        answered = apart >= np.float32(threshold)
        count = int(answered.sum())
        points.append(
            AbstentionPoint(
                margin=threshold,
                abstained=1 - count / len(apart),
                answered=count,
                accuracy=float(true[answered].mean()) if count else None,
            )
        )
    return tuple(points)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
