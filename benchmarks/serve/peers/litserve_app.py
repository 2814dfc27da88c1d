"""LitServe: a picture as base64 in JSON, as its image examples have it. Arguments: bundle, port, workers."""

from __future__ import annotations

import base64
import sys
from typing import Any

import litserve

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier


class Classify(litserve.LitAPI):  # type: ignore[misc]
    def __init__(self, bundle: str) -> None:
        super().__init__()
        self._bundle = bundle

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's name
        self._classifier = Classifier(load_bundle(self._bundle))

    def decode_request(self, request) -> bytes:  # type: ignore[no-untyped-def] # noqa: ANN001 - the annotation is read
        return base64.b64decode(request["image_bytes"])

    def predict(self, image: bytes) -> dict[str, float]:
        top = self._classifier.classify(image).top
        return {candidate.label: candidate.probability for candidate in top}

    def encode_response(self, output: dict[str, float]) -> dict[str, Any]:
        return {"output": output}


if __name__ == "__main__":
    bundle, port, workers = sys.argv[1:]
    server = litserve.LitServer(
        Classify(bundle), accelerator="cpu", devices=1, workers_per_device=int(workers), fast_queue=True
    )
    server.run(
        host="127.0.0.1",
        port=int(port),
        num_api_servers=int(workers),
        log_level="warning",
        generate_client_file=False,
    )
