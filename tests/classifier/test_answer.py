"""One frame, one answer: a result, or an error that never looks like one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.answer import answer, identity
from image_classifier.bundle import Bundle
from image_classifier.classifier import Classifier
from image_classifier.errors import InferenceError
from image_classifier.model import Model
from module_kit.message import MessageError
from module_kit.prediction import Prediction
from tests.classifier.arriving import TRACE, arriving, frame
from tests.image_classifier.tiny_model import Tiny, encode, make_bundle, plain

RED = encode(plain((250, 10, 10)))
GREY = encode(plain((90, 90, 90)))


@pytest.fixture
def classifier(tiny_bundle: Bundle) -> Classifier:
    return Classifier(tiny_bundle)


def ask(classifier: Classifier, message: Any, top_k: int = 3) -> Any:
    return answer(message, classifier, identity(classifier.bundle), top_k)


def test_a_prediction_has_all_that_the_contract_names(classifier: Classifier) -> None:
    sha256 = classifier.bundle.sha256
    result = ask(classifier, arriving(frame(RED, 41, label="red").encode(), queued_s=0.5), top_k=2)
    message = result.message
    assert message.message_id == f"line-1.0a1b2c3d.41.p.{sha256[:8]}"
    assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
    assert message.properties["traceparent"] == TRACE
    body = json.loads(message.body)
    timings, top = body.pop("timingsMs"), body.pop("top")
    assert body == {
        "schema": "prediction/1",
        "frameId": "line-1.0a1b2c3d.41",
        "source": "line-1",
        "boot": "0a1b2c3d",
        "sequence": 41,
        "capturedAt": "2026-01-02T03:04:05.678Z",
        "model": {"name": "tiny", "version": "1.0.0", "sha256": sha256},
        "abstained": False,
        "frameSha256": hashlib.sha256(RED).hexdigest(),
        "truth": "red",
    }
    assert [candidate["label"] for candidate in top] == ["red", "green"]
    assert top[0]["probability"] > 0.9
    assert 500 <= timings["queue"] < 60_000
    assert timings["decode"] > 0
    assert timings["infer"] > 0
    assert (result.prediction.source, result.prediction.boot, result.prediction.sequence) == (
        "line-1",
        "0a1b2c3d",
        41,
    )
    assert (result.outcome, result.prediction.error) == ("classified", None)


def test_the_same_frame_gets_the_same_message_id(classifier: Classifier) -> None:
    messages = [ask(classifier, arriving(frame(RED, 3).encode())).message for _ in range(2)]
    assert messages[0].message_id == messages[1].message_id


def test_abstention(classifier: Classifier) -> None:
    result = ask(classifier, arriving(frame(GREY).encode()))
    assert result.outcome == "abstained"
    body = json.loads(result.message.body)
    assert (body["abstained"], body["reason"]) == (True, "low_margin")
    assert body["top"]


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (RED[:-1], "truncated"),
        (encode(plain((1, 2, 3)), "JPEG")[:-40], "truncated"),
        (b"<html>", "unsupported_format"),
        (encode(plain((1, 2, 3)), "GIF"), "unsupported_format"),
        (encode(plain((1, 1, 1), 5000, 5000)), "too_many_pixels"),
        (RED[:50] + b"\0\0" + RED[52:], "corrupt"),
    ],
)
def test_a_bad_picture_is_an_error_and_no_result(classifier: Classifier, image: bytes, code: str) -> None:
    result = ask(classifier, arriving(frame(image, 9, label="red").encode()))
    assert result.outcome == "error"
    prediction = Prediction.decode(arriving(result.message))
    assert prediction.error is not None
    assert prediction.error.code == code
    assert prediction.top is None
    assert prediction.abstained is None
    assert prediction.frame_id == "line-1.0a1b2c3d.9"
    assert prediction.frame_sha256 == hashlib.sha256(image).hexdigest()
    assert result.message.properties["traceparent"] == TRACE


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content_type": "image/webp"}, "contentType"),
        ({"data": b""}, "body"),
        ({"data": b"x" * (248 * 1024 + 1)}, "body"),
        ({"properties": {"schema": "frame/2"}}, "schema"),
        ({"properties": {"width": "wide"}}, "width"),
        ({"properties": {"traceparent": "nonsense"}}, "traceparent"),
        ({"properties": {"label": ""}}, "label"),
    ],
)
def test_a_message_that_breaks_the_schema_but_names_its_frame(
    classifier: Classifier, change: dict[str, Any], field: str
) -> None:
    message = arriving(frame(RED, 5).encode())
    message.custom_properties |= change.pop("properties", {})
    for name, value in change.items():
        setattr(message, name, value)
    result = ask(classifier, message)
    prediction = Prediction.decode(arriving(result.message))
    assert prediction.error is not None
    assert prediction.error.code == "bad_message"
    assert prediction.error.message.startswith(f"{field}: ")
    assert (result.prediction.source, result.prediction.boot, result.prediction.sequence) == (
        "line-1",
        "0a1b2c3d",
        5,
    )


@pytest.mark.parametrize(
    "properties",
    [
        {"source": "../etc"},
        {"boot": None},
        {"sequence": "-1"},
        {"sequence": "one"},
        {"sequence": None},
        {"capturedAt": "yesterday"},
    ],
)
def test_a_message_that_does_not_name_its_frame(
    classifier: Classifier, properties: dict[str, str | None]
) -> None:
    message = arriving(frame(RED).encode())
    message.custom_properties |= properties
    with pytest.raises(MessageError, match=f"line-1.0a1b2c3d.0: {next(iter(properties))}: "):
        ask(classifier, message)


def test_a_message_without_any_property(classifier: Classifier) -> None:
    message = arriving(frame(RED).encode())
    message.custom_properties, message.message_id = {}, None
    with pytest.raises(MessageError):
        ask(classifier, message)


def test_a_model_that_answers_nan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is injected under the model: the runtime gives a tensor of NaN."""
    classifier = Classifier(make_bundle(tmp_path / "float", Tiny(dtype="float32")))
    run = Model.run
    monkeypatch.setattr(Model, "run", lambda self, tensor: run(self, np.full_like(tensor, np.nan)))
    with pytest.raises(InferenceError):
        classifier.classify(RED)
    result = ask(classifier, arriving(frame(RED).encode()))
    assert result.outcome == "error"
    assert result.prediction.error is not None
    assert result.prediction.error.code == "bad_output"
