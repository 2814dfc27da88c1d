"""MLServer: a custom runtime; a picture is a BYTES tensor of content type `base64` in an inference request (v2)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec
from mlserver.types import InferenceResponse

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier


class Classify(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        self._classifier = Classifier(load_bundle(os.environ["BENCHMARK_BUNDLE"]))
        return True

    async def predict(self, payload: Any) -> Any:
        (image,) = Base64Codec.decode_input(payload.inputs[0])
        top = self._classifier.classify(image).top
        labels = StringCodec.encode_output("labels", [candidate.label for candidate in top])
        scores = NumpyCodec.encode_output(
            "scores", np.array([[candidate.probability for candidate in top]], np.float32)
        )
        return InferenceResponse(model_name=self.name, outputs=[labels, scores])
