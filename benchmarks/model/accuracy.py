"""Top-1 of several models on the same pictures, each decoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.errors import BenchmarkError
from benchmarks.model.data_sets import DataSet
from benchmarks.model.subjects import Labels, Subject
from benchmarks.progress import tell
from image_classifier.bundle import Bundle
from image_classifier.errors import BadImageError
from image_classifier.model import Model
from image_classifier.preprocess import Pixels, Preprocessor


@dataclass(frozen=True, slots=True)
class Accuracy:
    """`right` of `n` pictures; those that cannot be decoded are in neither."""

    right: int
    n: int

    @property
    def top1(self) -> float:
        return self.right / self.n


@dataclass(frozen=True, slots=True)
class _Decoded:
    """`pixels`: RGB uint8 (height, width, 3) of the model's size each; `truth`: label numbers (n,)."""

    pixels: Sequence[Pixels]
    truth: npt.NDArray[np.intp]


def accuracies(
    subjects: Sequence[Subject],
    data: DataSet,
    threads: int,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Accuracy]:
    """Accuracy by the model's name; `progress` is told the share of the models that are done.

    Raises:
        BenchmarkError: a model has other labels than the pictures, or none of them can be decoded.
        BundleError, InferenceError: a model is refused or fails.
    """
    for subject in subjects:
        _require_labels(subject, data)
    decoded: dict[tuple[object, ...], _Decoded] = {}
    found = {}
    for done, subject in enumerate(subjects):
        progress(done / len(subjects))
        view = _view(subject.bundle)
        if view not in decoded:
            decoded[view] = _decode(subject.bundle, data)
        found[subject.name] = _accuracy(subject.bundle, decoded[view], data.labels, threads)
    return found


def _accuracy(bundle: Bundle, decoded: _Decoded, labels: Labels, threads: int) -> Accuracy:
    model, preprocessor = Model(bundle, threads), Preprocessor(bundle.input)
    number = np.array([labels.index(label) for label in bundle.labels], np.intp)
    answers = [model.run(preprocessor.quantize(pixels)).argmax() for pixels in decoded.pixels]
    return Accuracy(int((number[answers] == decoded.truth).sum()), len(answers))


def _decode(bundle: Bundle, data: DataSet) -> _Decoded:
    preprocessor = Preprocessor(bundle.input)
    pixels: list[Pixels] = []
    truth: list[int] = []
    refused: list[str] = []
    for labelled in data.pictures:
        try:
            pixels.append(preprocessor.pixels(labelled.picture))
        except BadImageError as error:
            refused.append(f"{labelled.origin}: {error}")
            continue
        truth.append(labelled.label)
    if refused:
        tell(f"{data.name}: {len(refused)} pictures cannot be decoded and are left out, first {refused[0]}")
    if not pixels:
        raise BenchmarkError(f"{data.name}: no picture that can be decoded")
    return _Decoded(pixels, np.array(truth, np.intp))


def _view(bundle: Bundle) -> tuple[object, ...]:
    """What decoding and resizing depend on."""
    return bundle.input.shape, bundle.input.resize_rule, bundle.input.interpolation


def _require_labels(subject: Subject, data: DataSet) -> None:
    if set(subject.bundle.labels) != set(data.labels):
        raise BenchmarkError(
            f"{data.name}: has the labels {', '.join(data.labels)}, but {subject.name} answers with "
            f"{', '.join(subject.bundle.labels)}; measure it on its own pictures with --folder"
        )
