"""BentoML: a service with a picture's file as its root input, so that the body is the JPEG itself."""

import os
from pathlib import Path
from typing import Annotated

import bentoml
from bentoml.validators import ContentType

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier

# BentoML reads the annotations while it decorates, so they must not be texts.


@bentoml.service(workers=int(os.environ["BENCHMARK_WORKERS"]))
class Classify:
    def __init__(self) -> None:
        self._classifier = Classifier(load_bundle(os.environ["BENCHMARK_BUNDLE"]))

    @bentoml.api  # type: ignore[untyped-decorator]
    def classify(self, image: Annotated[Path, ContentType("image/jpeg")], /) -> dict[str, float]:
        top = self._classifier.classify(image.read_bytes()).top
        return {candidate.label: candidate.probability for candidate in top}
