"""Accuracy against JPEG quality: the same records, encoded anew at each quality, classified as on the edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from image_classifier.classifier import Classifier
from training.augmentation import encode_jpeg
from training.dataset import LabelledImages
from training.report.document import Drop, QualityCurve, QualityReport

QUALITIES = tuple(range(20, 100, 5))
CHROMA = {"4:2:0": 2, "4:4:4": 0}
"""Chroma samplings and Pillow's numbers for them; cameras give 4:2:0."""
BETTER, WORSE = 95, 50
"""The qualities between which the drop is stated."""

Right = npt.NDArray[np.bool_]


def sweep(
    classifiers: Mapping[str, Classifier],
    records: LabelledImages,
    own: str,
    progress: Callable[[float], None] = lambda _: None,
) -> QualityReport:
    """Every model on the same files.

    Args:
        classifiers: by the model's name; their labels are those of CIFAR-10, in its order.
        records: lossless images that the model `own` never trained on.
        own: which model that holds for; the others are taken to have trained on them.
        progress: told the share that is done.
    """
    curves: list[QualityCurve] = []
    for turn, (chroma, subsampling) in enumerate(CHROMA.items()):
        right: dict[str, list[Right]] = {name: [] for name in classifiers}
        for done, quality in enumerate(QUALITIES):
            progress((turn + done / len(QUALITIES)) / len(CHROMA))
            files = [encode_jpeg(image, quality, subsampling) for image in records.images]
            for name, classifier in classifiers.items():
                answers = [classifier.classify(file, 1).top[0].label for file in files]
                right[name].append(_right(classifier, answers, records))
        curves += [
            QualityCurve(
                model=name,
                chroma=chroma,
                seen_in_training=name != own,
                top1=tuple(round(float(one.mean()), 6) for one in of_model),
                drop=paired_drop(of_model[QUALITIES.index(BETTER)], of_model[QUALITIES.index(WORSE)]),
            )
            for name, of_model in right.items()
        ]
    lossless = {}
    for name, classifier in classifiers.items():
        answers = [classifier.classify(image, 1).top[0].label for image in records.images]
        lossless[name] = round(float(_right(classifier, answers, records).mean()), 6)
    return QualityReport(n=len(records), qualities=QUALITIES, lossless=lossless, curves=tuple(curves))


def paired_drop(better: Right, worse: Right) -> Drop:
    """The drop of top-1 between two runs over the same records, with its standard error.

    Each record differs by 1, 0 or -1; the error of the mean of n differences is their deviation / sqrt(n).
    """
    differences = better.astype(np.float64) - worse.astype(np.float64)
    deviation = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return Drop(
        better=BETTER,
        worse=WORSE,
        top1=round(float(differences.mean()), 6),
        standard_error=round(deviation / math.sqrt(len(differences)), 6),
    )


def _right(classifier: Classifier, answers: Sequence[str], records: LabelledImages) -> Right:
    truths = [classifier.bundle.labels[label] for label in records.labels]
    return np.array([answer == truth for answer, truth in zip(answers, truths, strict=True)], np.bool_)
