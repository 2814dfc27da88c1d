"""Measuring a bundle on labelled pictures: accuracy, per class, calibration, abstention, latency."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from image_classifier.calibration import (
    AbstentionPoint,
    ReliabilityBin,
    abstention,
    expected_calibration_error,
    reliability,
)
from image_classifier.classifier import Classification, Classifier
from image_classifier.errors import BadImageError
from image_classifier.labelled import DataSetError, Labelled


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one picture: the number of the answer and the probability of each label, or why neither."""

    picture: Labelled
    answer: int | None
    probabilities: tuple[float, ...]
    refused: str | None = None


@dataclass(slots=True)
class Evaluation:
    """Counts and times of one run; `confusion[truth, answer]` counts pictures by label number.

    confidences, margins, right: one entry a classified picture, in their order: the best probability, its
        distance from the second, and whether the answer is the truth.
    """

    labels: tuple[str, ...]
    margin: float
    confusion: Counter[tuple[int, int]] = field(default_factory=Counter)
    abstained: int = 0
    bad_images: Counter[str] = field(default_factory=Counter)
    confidences: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    decode_s: list[float] = field(default_factory=list)
    infer_s: list[float] = field(default_factory=list)

    @property
    def n(self) -> int:
        """Pictures that were classified (bad ones are not)."""
        return self.confusion.total()

    @property
    def top1(self) -> float:
        right = sum(count for (truth, answer), count in self.confusion.items() if truth == answer)
        return right / self.n

    def per_class(self) -> dict[str, dict[str, float | int | None]]:
        """Label -> `n`, `precision` (None when never answered), `recall` (None when never seen)."""
        table: dict[str, dict[str, float | int | None]] = {}
        for number, label in enumerate(self.labels):
            right = self.confusion[number, number]
            seen = sum(count for (truth, _), count in self.confusion.items() if truth == number)
            answered = sum(count for (_, answer), count in self.confusion.items() if answer == number)
            table[label] = {
                "n": seen,
                "precision": round(right / answered, 4) if answered else None,
                "recall": round(right / seen, 4) if seen else None,
            }
        return table

    def reliability(self) -> tuple[ReliabilityBin, ...]:
        """The reliability table in `calibration.BINS` bins of equal width."""
        return reliability(self.confidences, self.right)

    def abstention(self) -> tuple[AbstentionPoint, ...]:
        """The abstention curve over `calibration.CURVE_MARGINS`."""
        return abstention(self.margins, self.right)

    def own_abstention(self) -> AbstentionPoint:
        """The same at the margin that the classifier used."""
        (point,) = abstention(self.margins, self.right, [self.margin])
        return point

    def document(self) -> dict[str, Any]:
        """What `evaluate --json` prints; times in milliseconds, rows of the confusion matrix are truths."""
        total_s = [decode + infer for decode, infer in zip(self.decode_s, self.infer_s, strict=True)]
        numbers = range(len(self.labels))
        table = self.reliability()
        return {
            "top1": round(self.top1, 6),
            "n": self.n,
            "abstained": self.abstained,
            "badImages": dict(self.bad_images),
            "perClass": self.per_class(),
            "calibration": {
                "expectedError": round(expected_calibration_error(table), 6),
                "reliability": [row.document() for row in table],
            },
            "abstention": {
                "own": self.own_abstention().document(),
                "curve": [point.document() for point in self.abstention()],
            },
            "confusion": {
                "labels": list(self.labels),
                "counts": [[self.confusion[truth, answer] for answer in numbers] for truth in numbers],
            },
            "latencyMs": {
                "decode": _quantiles_ms(self.decode_s),
                "infer": _quantiles_ms(self.infer_s),
                "total": _quantiles_ms(total_s),
            },
        }


def evaluate(
    classifier: Classifier,
    pictures: Iterable[Labelled],
    each: Callable[[Answer], None] | None = None,
) -> Evaluation:
    """Classify every picture; those that cannot be decoded are counted by reason and left out of `n`.

    Args:
        classifier: whose answers are counted; its margin decides what counts as abstained.
        pictures: each with the number of its label among the bundle's.
        each: called with every picture's answer, bad ones included, in their order.

    Raises:
        DataSetError: there was nothing to classify.
    """
    result = Evaluation(classifier.bundle.labels, classifier.margin)
    numbers = {label: number for number, label in enumerate(result.labels)}
    for labelled in pictures:
        try:
            classified = classifier.classify(labelled.picture, len(result.labels))
        except BadImageError as error:
            result.bad_images[error.reason] += 1
            answer = Answer(labelled, None, (), refused=str(error.reason))
        else:
            answered = numbers[classified.top[0].label]
            answer = Answer(labelled, answered, _probabilities(classified, numbers))
            _count(result, labelled.label, answered, classified)
        if each is not None:
            each(answer)
    if not result.n:
        raise DataSetError(
            f"no picture could be classified ({result.bad_images.total()} could not be decoded)"
        )
    return result


def _probabilities(classified: Classification, numbers: dict[str, int]) -> tuple[float, ...]:
    """In the order of the labels; the classification has them from the most to the least probable."""
    by_number = {numbers[candidate.label]: candidate.probability for candidate in classified.top}
    return tuple(by_number[number] for number in range(len(numbers)))


def _count(result: Evaluation, truth: int, answered: int, classified: Classification) -> None:
    best, second = classified.top[0], classified.top[1] if len(classified.top) > 1 else None
    result.confusion[truth, answered] += 1
    result.abstained += classified.abstained
    result.confidences.append(best.probability)
    result.margins.append(best.probability - second.probability if second else 1.0)
    result.right.append(answered == truth)
    result.decode_s.append(classified.timings.decode_s)
    result.infer_s.append(classified.timings.infer_s)


def _quantiles_ms(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {"median": round(statistics.median(ordered) * 1000, 4), "p95": round(p95 * 1000, 4)}
