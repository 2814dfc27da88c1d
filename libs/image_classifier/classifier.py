"""Picture in, labels out.

classifier = Classifier(load_bundle("fast"))
result = classifier.classify(jpeg_bytes, top_k=3)
print(result.top[0].label, result.top[0].probability, result.abstained)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from image_classifier.bundle import Bundle
from image_classifier.decoding import DecodeLimits
from image_classifier.errors import BadImageError, InferenceError
from image_classifier.model import Model, Probabilities
from image_classifier.preprocess import ModelInput, Picture, Preprocessor, Tensor

LOW_MARGIN = "low_margin"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label and its probability, float in [0, 1]."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent in decoding (with resizing and quantizing) and in the model."""

    decode_s: float
    infer_s: float


@dataclass(frozen=True, slots=True)
class Classification:
    """What the model says of one picture.

    top: best candidates, most probable first; equal ones in the order of the labels.
    abstained: the best two are closer than the margin, so `top` is no answer; `reason` is then `low_margin`.
    """

    top: tuple[Candidate, ...]
    abstained: bool
    reason: str | None
    timings: Timings


@dataclass(frozen=True, slots=True)
class Refusal:
    """A picture of several that has no answer: why, and the time it took all the same."""

    error: BadImageError | InferenceError
    timings: Timings


class Classifier:
    """One bundle, ready to classify.

    May be called from several threads: decoding runs side by side, inferences wait for each other.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int = 1,
        margin: float | None = None,
        limits: DecodeLimits | None = None,
    ) -> None:
        """Load the model and run it once, so that the first picture is not the slow one.

        Args:
            bundle: what `load_bundle` returned.
            threads: threads of the runtime for one inference.
            margin: least difference of the best two probabilities, float in [0, 1]; None takes the bundle's.
            limits: what pictures to refuse before decoding.

        Raises:
            BundleError: the model is refused or differs from the document.
        """
        self.bundle = bundle
        self.margin = bundle.margin if margin is None else margin
        self._preprocessor = Preprocessor(bundle.input, limits)
        self._model = Model(bundle, threads)
        black = np.zeros(bundle.input.shape[1:], np.uint8)
        self.probabilities(self._preprocessor.quantize(black))

    def classify(self, image: Picture, top_k: int = 3) -> Classification:
        """Classify one picture; at most `top_k` candidates, at least one.

        Raises:
            BadImageError: the picture cannot be decoded; the reason says why.
        """
        (result,) = self.classify_all([image], top_k)
        if isinstance(result, Refusal):
            raise result.error
        return result

    def classify_all(self, images: Sequence[ModelInput], top_k: int = 3) -> list[Classification | Refusal]:
        """As `classify`, for each of `images`; one bad picture does not keep the others from their answers.

        All are decoded before the first inference: the model's weights then stay in the processor's cache, which
        takes a fifth less time for small pictures. Held meanwhile is one input tensor a picture.
        """
        decoded = [self._decoded(image) for image in images]
        return [item if isinstance(item, Refusal) else self._inferred(*item, top_k) for item in decoded]

    def tensor(self, image: Picture) -> Tensor:
        """The input tensor of one picture (golden vectors compare its bytes)."""
        return self._preprocessor.tensor(image)

    def probabilities(self, tensor: Tensor) -> Probabilities:
        """Probability per label, float32 (labels,), of one input tensor."""
        return self._model.run(tensor)

    def _decoded(self, image: ModelInput) -> tuple[Tensor, float] | Refusal:
        started = time.perf_counter()
        try:
            tensor = self._preprocessor.tensor(image)
        except BadImageError as error:
            return Refusal(error, Timings(time.perf_counter() - started, 0.0))
        return tensor, time.perf_counter() - started

    def _inferred(self, tensor: Tensor, decode_s: float, top_k: int) -> Classification | Refusal:
        started = time.perf_counter()
        try:
            return self._classify(tensor, decode_s, top_k)
        except InferenceError as error:
            return Refusal(error, Timings(decode_s, time.perf_counter() - started))

    def _classify(self, tensor: Tensor, decode_s: float, top_k: int) -> Classification:
        started = time.perf_counter()
        probabilities = self._model.run(tensor)
        inferred = time.perf_counter()
        order = np.argsort(-probabilities, kind="stable")
        top = tuple(
            Candidate(self.bundle.labels[index], float(probabilities[index]))
            for index in order[: max(1, top_k)]
        )
        abstained = bool(len(order) > 1 and probabilities[order[0]] - probabilities[order[1]] < self.margin)
        return Classification(
            top=top,
            abstained=abstained,
            reason=LOW_MARGIN if abstained else None,
            timings=Timings(decode_s, inferred - started),
        )
