"""Measuring a bundle on labelled pictures: accuracy, per class, latency."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from image_classifier.classifier import Classification, Classifier
from image_classifier.errors import BadImageError
from image_classifier.labelled import DataSetError, Labelled


@dataclass(slots=True)
class Evaluation:
    """Counts and times of one run; `confusion[truth, answer]` counts pictures by label number."""

    labels: tuple[str, ...]
    confusion: Counter[tuple[int, int]] = field(default_factory=Counter)
    abstained: int = 0
    bad_images: Counter[str] = field(default_factory=Counter)
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

    def document(self) -> dict[str, Any]:
        """What `evaluate --json` prints; times in milliseconds."""
        total_s = [decode + infer for decode, infer in zip(self.decode_s, self.infer_s, strict=True)]
        return {
            "top1": round(self.top1, 6),
            "n": self.n,
            "abstained": self.abstained,
            "badImages": dict(self.bad_images),
            "perClass": self.per_class(),
            "latencyMs": {
                "decode": _quantiles_ms(self.decode_s),
                "infer": _quantiles_ms(self.infer_s),
                "total": _quantiles_ms(total_s),
            },
        }


def evaluate(classifier: Classifier, pictures: Iterable[Labelled]) -> Evaluation:
    """Classify every picture; those that cannot be decoded are counted by reason and left out of `n`.

    Raises:
        DataSetError: there was nothing to classify.
    """
    result = Evaluation(classifier.bundle.labels)
    numbers = {label: number for number, label in enumerate(result.labels)}
    for labelled in pictures:
        try:
            answer = _classify(classifier, labelled)
        except BadImageError as error:
            result.bad_images[error.reason] += 1
            continue
        result.confusion[labelled.label, numbers[answer.top[0].label]] += 1
        result.abstained += answer.abstained
        result.decode_s.append(answer.timings.decode_s)
        result.infer_s.append(answer.timings.infer_s)
    if not result.n:
        raise DataSetError(
            f"no picture could be classified ({result.bad_images.total()} could not be decoded)"
        )
    return result


def _classify(classifier: Classifier, labelled: Labelled) -> Classification:
    if isinstance(labelled.picture, bytes):
        return classifier.classify(labelled.picture, 1)
    return classifier.classify_rgb(labelled.picture, 1)


def _quantiles_ms(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {"median": round(statistics.median(ordered) * 1000, 4), "p95": round(p95 * 1000, 4)}
