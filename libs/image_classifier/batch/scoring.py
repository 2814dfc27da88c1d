"""Entries -> probabilities, in one process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from image_classifier.batch.entries import Entry
from image_classifier.batch.errors import UnscoredError
from image_classifier.batch.reading import PictureReader
from image_classifier.classifier import Classifier
from image_classifier.errors import BadImageError, InferenceError
from image_classifier.preprocess import Tensor

TOGETHER = 64
"""Pictures that are decoded before the first of them is inferred: the model's weights then stay in the cache."""

NO_TRUTH = -1


@dataclass(slots=True)
class Scores:
    """What a run of entries got.

    probabilities: float32 (entries, labels), zeros where there is no answer.
    truths: int16 (entries,), the number of the true label or `NO_TRUTH`.
    failures: reason and detail by the entry's place in the run.
    """

    probabilities: npt.NDArray[np.float32]
    truths: npt.NDArray[np.int16]
    failures: dict[int, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def empty(cls, entries: int, labels: int) -> Scores:
        return cls(np.zeros((entries, labels), np.float32), np.full(entries, NO_TRUTH, np.int16))


def score(classifier: Classifier, reader: PictureReader, entries: Sequence[Entry]) -> Scores:
    """Score each entry; one that cannot be read, decoded or answered is a failure and the others go on."""
    scores = Scores.empty(len(entries), len(classifier.bundle.labels))
    for start in range(0, len(entries), TOGETHER):
        tensors: list[tuple[int, Tensor]] = []
        for place in range(start, min(start + TOGETHER, len(entries))):
            try:
                picture, truth = reader.read(entries[place])
                tensors.append((place, classifier.tensor(picture)))
                if truth is not None and truth < len(classifier.bundle.labels):
                    scores.truths[place] = truth
            except (UnscoredError, BadImageError) as error:
                scores.failures[place] = (str(error.reason), error.detail)
        for place, tensor in tensors:
            try:
                scores.probabilities[place] = classifier.probabilities(tensor)
            except InferenceError as error:
                scores.failures[place] = ("no_answer", str(error))
    return scores
