"""Requests of the inference protocol that break it."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from image_classifier.bundle import load_bundle
from tests.serving.running import RunningService, golden_picture

PATH = "/v2/models/fast/infer"
PIXELS = 32 * 32 * 3


def tensor(**changes: Any) -> dict[str, Any]:
    given = {"name": "image", "shape": [1], "datatype": "BYTES", "data": ["AAAA"], **changes}
    return {name: value for name, value in given.items() if value is not None}


def numbers(data: Any, **changes: Any) -> dict[str, Any]:
    return tensor(**{"shape": [1, 32, 32, 3], "datatype": "UINT8", "data": data, **changes})


BAD: list[tuple[str, Any, int, str]] = [
    ("no inputs", {"inputs": []}, 400, "inputs"),
    ("two inputs", {"inputs": [tensor(), tensor()]}, 400, "inputs"),
    ("no object", [], 400, ""),
    ("another name", {"inputs": [tensor(name="x")]}, 400, "'image'"),
    ("another datatype", {"inputs": [tensor(datatype="FP64")]}, 400, "datatype"),
    ("a negative shape", {"inputs": [tensor(shape=[-1])]}, 400, "shape"),
    ("no pictures", {"inputs": [tensor(shape=[0], data=[])]}, 400, "no pictures"),
    ("too many pictures", {"inputs": [tensor(shape=[1001])]}, 413, "1001"),
    ("fewer than the shape says", {"inputs": [tensor(shape=[2])]}, 400, "shape says 2"),
    ("a shape of too many", {"inputs": [tensor(shape=[1, 2])]}, 400, "shape"),
    ("no data", {"inputs": [tensor(data=None)]}, 400, "data"),
    ("not a text", {"inputs": [tensor(data=[1])]}, 400, "base64"),
    ("not base64", {"inputs": [tensor(data=["&"])]}, 422, "base64"),
    ("another size", {"inputs": [numbers([0] * PIXELS, shape=[1, 3, 32, 32])]}, 400, "[n, 32, 32, 3]"),
    ("too few numbers", {"inputs": [numbers([0])]}, 400, str(PIXELS)),
    ("a number too large", {"inputs": [numbers([256] + [0] * (PIXELS - 1))]}, 422, "0 to 255"),
    ("a number beyond all", {"inputs": [numbers([1 << 80] + [0] * (PIXELS - 1))]}, 422, "numbers"),
    ("a fraction", {"inputs": [numbers([0.5] + [0] * (PIXELS - 1))]}, 422, "whole"),
    ("a ragged tensor", {"inputs": [numbers([[0], [0] * (PIXELS - 1)])]}, 422, "tensor"),
    ("lists beside numbers", {"inputs": [numbers([[0], 0])]}, 422, "tensor"),
    ("too many numbers", {"inputs": [numbers([[0] * PIXELS, [0]])]}, 400, "found more"),
    ("texts for numbers", {"inputs": [numbers(["0"] * PIXELS)]}, 422, "expected numbers"),
    ("truth for numbers", {"inputs": [numbers([True] * PIXELS)]}, 422, "expected numbers"),
    ("bytes that are not there", {"inputs": [tensor(data=None, parameters={"binary_data_size": 9})]}, 400, "9"),
    ("an unknown output", {"inputs": [tensor()], "outputs": [{"name": "x"}]}, 400, "probabilities"),
    (
        "a best k of another output",
        {"inputs": [tensor()], "outputs": [{"name": "label", "parameters": {"classification": 1}}]},
        400,
        "classification",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "status", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_a_request_that_breaks_the_protocol_is_refused(
    service: RunningService, document: Any, status: int, words: str
) -> None:
    answer = service.post_json(PATH, document)
    assert answer.status == status, answer.body
    assert words in answer.json()["detail"]
    assert answer.json()["error"] == answer.json()["detail"]


def binary(document: Any, behind: bytes, length: str | None = None) -> tuple[bytes, dict[str, str]]:
    head = json.dumps(document).encode()
    return head + behind, {"Inference-Header-Content-Length": length or str(len(head))}


@pytest.mark.parametrize("length", ["-1", "x", "9" * 40, "100000"])
def test_a_header_length_is_within_the_body(service: RunningService, length: str) -> None:
    body, headers = binary({"inputs": [tensor()]}, b"", length)
    answer = service.request("POST", PATH, body, headers)
    assert answer.status == 400
    assert "Inference-Header-Content-Length" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("behind", "status"),
    [
        (b"", 400),
        (b"\xff", 422),
        (struct.pack("<I", 0xFFFFFFFF), 422),
        (struct.pack("<I", 2) + b"ab" + b"c", 422),
        (struct.pack("<I", 0), 422),
        (struct.pack("<I", len(golden_picture())) + golden_picture(), 200),
    ],
)
def test_the_bytes_of_a_tensor_are_counted(service: RunningService, behind: bytes, status: int) -> None:
    document = {"inputs": [tensor(data=None, parameters={"binary_data_size": len(behind)})]}
    assert service.request("POST", PATH, *binary(document, behind)).status == status


def test_pixels_in_nested_lists_are_read(service: RunningService) -> None:
    nested = [[[[0, 0, 0]] * 32] * 32]
    answer = service.post_json(PATH, {"id": "a", "inputs": [numbers(nested)]})
    outputs = {output["name"]: output["data"] for output in answer.json()["outputs"]}
    assert answer.json()["id"] == "a"
    assert sum(outputs["probabilities"]) == pytest.approx(1, abs=0.05)
    assert outputs["label"][0] in load_bundle("fast").labels
