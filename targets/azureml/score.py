"""The scoring script of an Azure ML online deployment. `BUNDLE` names the model; the server calls `init` once.

The server gives `run` the request as it came (`rawhttp`), so that pictures need no base64: see `scoring_request`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

# Azure ML puts its own root on the path, which need not be the folder that was uploaded.
sys.path.insert(0, str(Path(__file__).parent))

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from targets.scoring_request import answer

_classifier: Classifier | None = None


def init() -> None:
    """Load the model. Raises ImageClassifierError: the server then ends, and the deployment fails with the reason."""
    global _classifier  # noqa: PLW0603 - the server's contract has no other place for state
    _classifier = Classifier(load_bundle(os.environ.get("BUNDLE", "fast")))


@rawhttp  # type: ignore[untyped-decorator]
def run(request: AMLRequest) -> AMLResponse:
    """One request of `/score`."""
    if _classifier is None:
        raise RuntimeError("run was called before init")
    if request.method != "POST":
        return AMLResponse(b"", 405, {"Allow": "POST"})
    result = answer(
        _classifier, request.headers.get("Content-Type", ""), request.get_data(), request.args.get("top_k")
    )
    return AMLResponse(result.body, result.status, {"Content-Type": result.content_type})
