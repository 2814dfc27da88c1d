from __future__ import annotations

import base64
import json
import struct
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import pytest
from starlette.requests import Request

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.preprocess import ModelInput, ReadyTensor
from serving.scoring import Call, Scored
from serving.web.body import BodyReader
from serving.web.intake import HeldPictures, Intake
from serving.web.problem import ProblemError
from serving.web.score import ScoreInterface
from serving.web.skill import SkillInterface
from serving.web.v2.interface import V2Interface
from tests.serving.flighting.fakes import classification
from tests.serving.running import RunningService

BUNDLE = load_bundle("fast")
MB = 1_000_000
COUNT = 40
PICTURE = bytes(100_000)
BASE64 = base64.b64encode(PICTURE).decode()


class Looking:
    """A `Scoring` that looks at how much memory there is in use while it scores."""

    def __init__(self) -> None:
        self.held = 0
        self.pictures: Sequence[ModelInput] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @property
    def ready(self) -> bool:
        return True

    def bundles(self) -> Sequence[Bundle]:
        return (BUNDLE,)

    def find(self, call: Call) -> Bundle:
        return BUNDLE

    def full(self) -> None:
        pass

    async def score(self, call: Call, pictures: Sequence[ModelInput]) -> Scored:
        self.held = tracemalloc.get_traced_memory()[0]
        self.pictures = pictures
        return Scored(BUNDLE, [classification("cat") for _ in pictures])


def request(body: bytes, headers: dict[str, str], path_params: dict[str, str]) -> Request:
    """With a body that comes in two parts, of which the request keeps nothing."""
    parts = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "path_params": path_params,
    }
    return Request(scope, receive)


def form() -> tuple[bytes, dict[str, str]]:
    head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\n'
    parts = (head + PICTURE + b"\r\n") * COUNT
    return parts + b"--x--\r\n", {"content-type": "multipart/form-data; boundary=x"}


def binary(datatype: str, shape: list[int], behind: bytes) -> tuple[bytes, dict[str, str]]:
    parameters = {"binary_data_size": len(behind)}
    tensor = {"name": "image", "shape": shape, "datatype": datatype, "parameters": parameters}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + behind, {"inference-header-content-length": str(len(head))}


def in_json(document: Any) -> tuple[bytes, dict[str, str]]:
    return json.dumps(document).encode(), {"content-type": "application/json"}


ELEMENTS = (struct.pack("<I", len(PICTURE)) + PICTURE) * COUNT
RECORDS = [{"recordId": f"{number}", "data": {"image": BASE64}} for number in range(COUNT)]
TEXTS = {"name": "image", "shape": [COUNT], "datatype": "BYTES", "data": [BASE64] * COUNT}
BODIES: dict[str, Callable[[], tuple[bytes, dict[str, str]]]] = {
    "files": lambda: in_json({f"{number}.png": BASE64 for number in range(COUNT)}),
    "form": form,
    "picture": lambda: (PICTURE * COUNT, {"content-type": "image/png"}),
    "records": lambda: in_json({"values": RECORDS}),
    "texts": lambda: in_json({"inputs": [TEXTS]}),
    "elements": lambda: binary("BYTES", [COUNT], ELEMENTS),
    "pixels": lambda: binary("UINT8", [1000, 32, 32, 3], bytes(1000 * 3072)),
}
KINDS: dict[str, type[ScoreInterface | SkillInterface]] = {
    "files": ScoreInterface,
    "form": ScoreInterface,
    "picture": ScoreInterface,
    "records": SkillInterface,
}


@pytest.mark.parametrize("kind", BODIES)
async def test_while_they_are_scored_pictures_are_held_once_and_nothing_beside(kind: str) -> None:
    scoring, held = Looking(), HeldPictures(MB)
    intake = Intake(BodyReader(100 * MB, 100 * MB, 100), held, 1000, 10_000)
    body, headers = BODIES[kind]()
    asked = request(body, headers, {"model": "fast"})
    del body
    tracemalloc.start()
    try:
        if kind in KINDS:
            await KINDS[kind](scoring, intake).post(asked)
        else:
            await V2Interface(scoring, intake).infer(asked)
    finally:
        tracemalloc.stop()
    size = 1000 * 3072 if kind == "pixels" else COUNT * len(PICTURE)
    assert size <= scoring.held < size + 400_000
    assert held._bytes == 0


async def test_the_pictures_of_all_requests_are_counted_together() -> None:
    held = HeldPictures(10)
    tensor = ReadyTensor(np.zeros((1, 2), np.float32))
    with held.hold([b"12345678", tensor, np.zeros(4, np.uint8)]):  # one alone is never too much
        with pytest.raises(ProblemError, match="20 bytes are held") as caught, held.hold([b"1"]):
            pass
        assert (caught.value.status, caught.value.headers["retry-after"]) == (429, "1")
    with held.hold([b"123456"]), held.hold([b"1234"]):
        pass
    assert held._bytes == 0


@pytest.mark.parametrize("path", ["/score", "/skills/image-classification", "/v2/models/fast/infer"])
@pytest.mark.parametrize("values", [b"[],", b"{},", b"1,", b"[" * 3])
def test_json_of_too_many_values_is_refused_before_it_is_parsed(
    service: RunningService, path: str, values: bytes
) -> None:
    body = b'{"a":[' + values * 600_000 + b"1]}"
    answer = service.request("POST", path, body, {"Content-Type": "application/json"})
    assert answer.status == 413, answer.body
    assert "at most 500000 are read" in answer.json()["detail"]


def test_bytes_behind_the_json_are_no_values(service: RunningService) -> None:
    pixels = b"," * (1000 * 3072)
    body, headers = binary("UINT8", [1000, 32, 32, 3], pixels)
    assert service.request("POST", "/v2/models/fast/infer", body, headers).status == 200
