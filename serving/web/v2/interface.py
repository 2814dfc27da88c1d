"""The paths under `/v2`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from image_classifier.bundle import Bundle
from image_classifier.preprocess import ModelInput
from serving.errors import UnknownModelError
from serving.scoring import Call, Scoring
from serving.web.intake import Intake
from serving.web.pictures import call_of, classifications
from serving.web.problem import problem
from serving.web.v2 import answers
from serving.web.v2.messages import HEADER_LENGTH, InferRequest, json_end, read_request
from serving.web.v2.tensors import ENCODED, INPUT, read_pictures

SERVER = "edge-vision-serving"


class V2Interface:
    """Server metadata, model metadata and readiness, inference."""

    def __init__(self, scoring: Scoring, intake: Intake) -> None:
        self._scoring = scoring
        self._intake = intake

    async def server(self, _: Request) -> Response:
        version = self._scoring.bundles()[0].version
        return _json(
            {"name": SERVER, "version": version, "extensions": ["binary_tensor_data", "classification"]}
        )

    async def model(self, request: Request) -> Response:
        bundle = self._scoring.find(_call(request))
        versions = [other.version for other in self._scoring.bundles() if other.name == bundle.name]
        inputs = [{"name": INPUT, "datatype": ENCODED, "shape": [-1]}]
        document = {
            "name": bundle.name,
            "versions": versions,
            "platform": "tensorflow_lite",
            "inputs": inputs,
            "outputs": answers.metadata(bundle),
        }
        return _json(document)

    async def model_ready(self, request: Request) -> Response:
        try:
            bundle = self._scoring.find(_call(request))
        except UnknownModelError:
            # No key is needed here, and the error tells what else is served.
            return problem(404, "no such model or version is served here", request.url.path)
        if not self._scoring.ready:
            return problem(503, f"{bundle.name} is not ready", request.url.path)
        return _json({"name": bundle.name, "ready": True})

    async def infer(self, request: Request) -> Response:
        call = _call(request)
        self._scoring.find(call)
        async with self._intake.bodies.body(request) as body:
            bundle = self._scoring.find(call)  # the plan may have changed while the body came
            message, pictures = self._read(body, request.headers.get(HEADER_LENGTH), bundle)
        del body  # what is scored is held, and counted, from here on
        if message.inputs[0].datatype != ENCODED:
            # Made for this bundle's size and quantization: another one of its name would score something else.
            call = replace(call, by_share=False)
        with self._intake.pictures.hold(pictures):
            scored = await self._scoring.score(call, pictures)
        results = classifications(scored, _names(len(pictures)))
        head, tail = answers.answer(message, scored.bundle, results)
        if tail is None:
            return Response(head, media_type="application/json")
        headers = {HEADER_LENGTH: str(len(head))}
        return Response(head + tail, headers=headers, media_type="application/octet-stream")

    def _read(
        self, body: bytes, header_length: str | None, bundle: Bundle
    ) -> tuple[InferRequest, list[ModelInput]]:
        """A request without its tensor's data, and the pictures that these are."""
        end = json_end(body, header_length)
        self._intake.check_json(body, end)
        message = read_request(body[:end])
        for output in message.outputs:
            answers.outputs_of(bundle, [], output)
        tensor = message.inputs[0]
        pictures = read_pictures(tensor, memoryview(body)[end:], bundle, self._intake.most_pictures)
        return message.model_copy(update={"inputs": [tensor.model_copy(update={"data": None})]}), pictures


def _names(count: int) -> Sequence[str]:
    return [f"inputs[0], picture {number}" for number in range(count)]


def _call(request: Request) -> Call:
    parameters = request.path_params
    return call_of(request, "v2", parameters["model"], parameters.get("version"))


def _json(document: Any) -> Response:
    return Response(json.dumps(document), media_type="application/json")
