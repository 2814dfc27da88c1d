"""What each bundle's golden pictures get from `image_classifier` itself: what every target must answer, to the bit."""

from __future__ import annotations

from functools import cache
from typing import Any

from image_classifier.bundle import GoldenVector, load_bundle
from image_classifier.classifier import Classifier


@cache
def classifier(bundle: str) -> Classifier:
    return Classifier(load_bundle(bundle))


def vectors(bundle: str) -> tuple[GoldenVector, ...]:
    return classifier(bundle).bundle.golden_vectors


def scores(bundle: str, vector: GoldenVector) -> dict[str, Any]:
    """`top` with every label, and `abstained`, as the targets' JSON has them."""
    own = classifier(bundle)
    result = own.classify(vector.image, len(own.bundle.labels))
    top = [{"label": best.label, "probability": best.probability} for best in result.top]
    reason = {"reason": result.reason} if result.reason else {}
    return {"top": top, "abstained": result.abstained, **reason}
