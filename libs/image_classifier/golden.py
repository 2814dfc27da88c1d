"""Golden vectors: pictures with the tensor and the probabilities that they must give, on every machine."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from image_classifier.errors import BundleError
from image_classifier.model import Model
from image_classifier.runtime import Kernels

if TYPE_CHECKING:
    from image_classifier.bundle import Bundle, GoldenVector
    from image_classifier.classifier import Classifier
    from image_classifier.preprocess import Tensor


def tensor_sha256(tensor: Tensor) -> str:
    """Hash of the tensor's bytes in C order, little endian."""
    return hashlib.sha256(tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes()).hexdigest()


def check_golden_vectors(classifier: Classifier) -> int:
    """Run every golden vector of the classifier's bundle; returns how many there are.

    Raises:
        BundleError: a tensor or a probability differs, there is no vector, or none of them is in colour (then
            swapped channels would pass).
        BadImageError: a vector's picture cannot be decoded.
        InferenceError: the model fails on it.
    """
    bundle = classifier.bundle
    vectors = bundle.golden_vectors
    if not vectors:
        raise BundleError(bundle.document_path, "there are no golden vectors", field="goldenVectors.vectors")
    colourful = [
        _check(classifier, vector, f"goldenVectors.vectors[{i}]") for i, vector in enumerate(vectors)
    ]
    if not any(colourful):
        problem = "every picture is grey, so swapped colour channels would not be noticed"
        raise BundleError(bundle.document_path, problem, field="goldenVectors.vectors")
    return len(vectors)


def measured_tolerance(bundle: Bundle, tensors: Sequence[Tensor]) -> float:
    """The difference of a probability that right runtimes show on these input tensors, with room for another.

    Twice what the operators' implementations of this machine's runtime (`Kernels`) differ by, and not less than
    one rounding the other way in the softmax's input (its slope is at most 1/4), which no runtime promises
    to avoid.
    """
    fastest = Model(bundle)
    answers = [fastest.run(tensor) for tensor in tensors]
    spread = 0.0
    for kernels in (Kernels.BUILT_IN, Kernels.REFERENCE):
        other = Model(bundle, kernels=kernels)
        for tensor, answer in zip(tensors, answers, strict=True):
            spread = max(spread, float(np.abs(other.run(tensor) - answer).max()))
    one_rounding = fastest.score_step / 4 + bundle.output.quantization.scale
    return math.ceil(max(2 * spread, one_rounding, 0.001) * 10_000) / 10_000


def _check(classifier: Classifier, vector: GoldenVector, field: str) -> bool:
    bundle = classifier.bundle
    tensor = classifier.tensor(vector.image)
    actual_sha256 = tensor_sha256(tensor)
    if actual_sha256 != vector.tensor_sha256:
        raise BundleError(
            bundle.document_path,
            f"preprocessing of {vector.name!r} gives other tensor bytes",
            field=f"{field}.tensorSha256",
            expected=vector.tensor_sha256,
            actual=actual_sha256,
        )
    probabilities = classifier.probabilities(tensor)
    difference = np.abs(probabilities - np.array(vector.probabilities))
    # Written so that NaN fails too.
    if not bool((difference <= bundle.golden_tolerance).all()):
        worst = int(np.nanargmax(difference)) if np.isfinite(difference).any() else 0
        raise BundleError(
            bundle.document_path,
            f"the model answers {vector.name!r} otherwise (tolerance {bundle.golden_tolerance})",
            field=f"{field}.probabilities[{worst}]",
            expected=vector.probabilities[worst],
            actual=float(probabilities[worst]),
        )
    return tensor_sha256(tensor[..., ::-1]) != actual_sha256
