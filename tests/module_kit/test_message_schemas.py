from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from module_kit.message import MessageError
from module_kit.message_schemas import message_schemas
from module_kit.prediction import Failure, ModelIdentity, Prediction, Score, Timings
from tests.module_kit.arriving import Arrived, arrived
from tests.module_kit.test_frame import FRAME

FOLDER = Path(__file__).parents[2] / "docs/messages"
GIVEN: dict[str, Any] = {
    "frame_id": "cam.b.1", "source": "cam", "boot": "b", "sequence": 1, "captured_at": "2026-01-01T00:00:00.000Z",
    "model": ModelIdentity(name="m", version="1.0.0", sha256="0123456789abcdef" * 4),
    "timings_ms": Timings(queue=0.5, decode=1, infer=2), "frame_sha256": "f" * 64,
}  # fmt: skip
RESULT = Prediction(**GIVEN, top=[Score(label="cat", probability=0.75), Score(label="dog", probability=0.2)],
                    abstained=False, truth="cat")  # fmt: skip
FAILURE = Prediction(**GIVEN, error=Failure(code="bad_image", message="truncated"))


@pytest.mark.parametrize("name", message_schemas())
def test_the_files_are_what_the_code_says(name: str) -> None:
    assert json.loads((FOLDER / name).read_text()) == message_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(message_schemas()[name])


def test_a_frame_fits_its_schema() -> None:
    message = FRAME.encode()
    document = {
        "systemProperties": {"messageId": message.message_id, "contentType": message.content_type},
        "properties": message.properties,
    }
    jsonschema.validate(document, message_schemas()["frame-1.json"])
    document["properties"]["sequence"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, message_schemas()["frame-1.json"])


@pytest.mark.parametrize("prediction", [RESULT, FAILURE])
def test_a_prediction_is_encoded_as_the_contract_says(prediction: Prediction) -> None:
    message = prediction.encode("00-1-2-01")
    assert message.message_id == "cam.b.1.p.01234567"
    assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
    assert message.properties == {"schema": "prediction/1", "traceparent": "00-1-2-01"}
    jsonschema.validate(json.loads(message.body), message_schemas()["prediction-1.json"])
    assert Prediction.decode(arrived(message)) == prediction


def test_the_body_of_a_result() -> None:
    assert json.loads(RESULT.encode(None).body) == {
        "schema": "prediction/1", "frameId": "cam.b.1", "source": "cam", "boot": "b", "sequence": 1,
        "capturedAt": "2026-01-01T00:00:00.000Z",
        "model": {"name": "m", "version": "1.0.0", "sha256": "0123456789abcdef" * 4},
        "top": [{"label": "cat", "probability": 0.75}, {"label": "dog", "probability": 0.2}],
        "abstained": False, "timingsMs": {"queue": 0.5, "decode": 1.0, "infer": 2.0},
        "frameSha256": "f" * 64, "truth": "cat",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"top": None},
        {"abstained": None},
        {"abstained": True},  # without a reason
        {"error": Failure(code="bad_image", message="x")},  # a result and a failure
        {"top": [Score(label="a", probability=0.1), Score(label="b", probability=0.2)]},  # not sorted
        {"captured_at": "2026-02-30T00:00:00.000Z"},
        {"captured_at": "2026-01-01T00:00:00Z"},
        {"sequence": -1},
    ],
)
def test_what_is_no_prediction_cannot_be_built(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Prediction(**{**GIVEN, "top": RESULT.top, "abstained": False, **changes})


@pytest.mark.parametrize(
    ("body", "field_name"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"{", "body"),
        (b"\xff", "body"),
        (RESULT.json_body().replace(b'"cat"', b'""', 1), "top/0/label"),
        (RESULT.json_body().replace(b"0.75", b"1.75"), "top/0/probability"),
        (RESULT.json_body().replace(b"prediction/1", b"prediction/2"), "schema"),
        (RESULT.json_body().replace(b'"frameId"', b'"frame_id"'), "frameId"),
        (RESULT.json_body().replace(b'"schema":"prediction/1",', b""), "schema"),
        (RESULT.json_body().replace(b'"sequence":1', b'"sequence":"1"'), "sequence"),
        (FAILURE.json_body().replace(b'"error"', b'"fault"'), "fault"),
    ],
)
def test_decode_refuses_and_names_the_field(body: bytes, field_name: str) -> None:
    with pytest.raises(MessageError) as caught:
        Prediction.decode(Arrived(body, "id", "application/json"))
    assert (caught.value.field_name, caught.value.message_id) == (field_name, "id")
