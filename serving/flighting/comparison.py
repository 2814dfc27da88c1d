"""How far a candidate's answer is from the primary's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """`agreed`: the best label is the same. `distance`: total variation of the scores, float in [0, 1]."""

    agreed: bool
    distance: float


def compare(primary: Mapping[str, float], candidate: Mapping[str, float]) -> Comparison:
    """Compare two answers, each label -> probability, by label: the order of the labels may differ.

    Of equally probable labels any counts as the best, so that a tie is no disagreement. A label that one of the two
    does not know has probability 0 there.
    """
    best, other_best = max(primary.values()), max(candidate.values())
    agreed = any(
        probability == best and candidate.get(label) == other_best for label, probability in primary.items()
    )
    labels = primary.keys() | candidate.keys()
    distance = sum(abs(primary.get(label, 0.0) - candidate.get(label, 0.0)) for label in labels) / 2
    return Comparison(agreed, min(1.0, distance))
