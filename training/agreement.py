"""How far a bundle's int8 answers are from those of the float model that it was made of."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from image_classifier.classifier import Classifier
from image_classifier.preprocess import Preprocessor
from training.representative import Representative

if TYPE_CHECKING:
    from training.keras_model import FloatModel

LOW_AGREEMENT = 0.95
"""Share of equal answers below which a bundle's int8 form is not to be trusted; sound ones measured above 0.97."""


@dataclass(frozen=True, slots=True)
class QuantizationDifference:
    """How the int8 model's answers differ from the float model's, over `n` pictures.

    top1: share of equal best labels; largest and mean: of the differences of probabilities.
    """

    n: int
    top1: float
    mean: float
    largest: float

    def document(self, data: str) -> dict[str, Any]:
        differences = {"meanDifference": round(self.mean, 5), "largestDifference": round(self.largest, 4)}
        return {"data": data, "n": self.n, "top1": round(self.top1, 4)} | differences


@dataclass(frozen=True, slots=True)
class FloatComparison:
    """A float model and the pictures on which its int8 form is compared with it."""

    model: FloatModel
    preprocessor: Preprocessor
    found: Representative

    def measured(self, classifier: Classifier) -> dict[str, Any]:
        """The document's `agreement`; says how large it is, and what to do where it is low."""
        result = self._compare(classifier)
        print(f"int8 against float, {result.n} representative pictures: same label {result.top1:.4f}, "
              f"probabilities differ by {result.mean:.4f} in the mean, {result.largest:.3f} at most")  # fmt: skip
        if result.top1 < LOW_AGREEMENT:
            print(
                f"warning: less than {LOW_AGREEMENT} agree. Check that the representative pictures are like the "
                "later ones and the normalisation is the training's; a model with very uneven weights may need "
                "quantization-aware training",
                file=sys.stderr,
            )
        return {"agreement": result.document(self.found.origin)}

    def _compare(self, classifier: Classifier) -> QuantizationDifference:
        differences, same = [], 0
        for picture in self.found.pixels:
            expected: npt.NDArray[np.float32] = np.asarray(
                self.model.function(self.preprocessor.quantize(picture))
            )[0]
            top = classifier.classify(picture, len(expected)).top
            answered = {candidate.label: candidate.probability for candidate in top}
            actual = np.array([answered[label] for label in classifier.bundle.labels])
            # labels that are equally probable after rounding to int8 are all the best
            same += bool(actual[expected.argmax()] == actual.max())
            differences.append(np.abs(actual - expected))
        count = len(differences)
        return QuantizationDifference(
            count, same / count, float(np.mean(differences)), float(np.max(differences))
        )
