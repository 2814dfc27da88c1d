from __future__ import annotations

import base64
from typing import Any

import pytest

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from tests.serving.running import RunningService

BUNDLE = load_bundle("fast")
PICTURE = BUNDLE.golden_vectors[0].image
TEXT = base64.b64encode(PICTURE).decode()
PATH = "/skills/image-classification"


def record(record_id: str, data: Any) -> dict[str, Any]:
    return {"recordId": record_id, "data": data}


def test_each_record_gets_its_own_answer_and_bad_ones_their_errors(service: RunningService) -> None:
    # The forms in which an indexer sends a picture: of normalized_images/*, of file_data, and plain base64.
    normalized = {"$type": "file", "contentType": "image/jpeg", "data": TEXT, "width": 32, "height": 32}
    values = [
        record("a", {"image": normalized}),
        record("b", {"image": "&"}),
        record("c", {"file_data": {"$type": "file", "url": "x", "data": TEXT}}),
        record("d", {"image": TEXT, "other": 1}),
        record("e", {"image": base64.b64encode(PICTURE[:-10]).decode()}),
        record("f", {}),
        record("g", None),
    ]
    answer = service.post_json(PATH, {"values": values})
    assert answer.status == 200
    found = answer.json()["values"]
    assert [value["recordId"] for value in found] == list("abcdefg")
    best = Classifier(BUNDLE).classify(PICTURE).top[0]
    for value in (found[0], found[2], found[3]):
        assert value["data"]["label"] == best.label
        assert value["data"]["probability"] == pytest.approx(best.probability, abs=1e-5)
        assert value["errors"] == []
    for value, words in ((found[1], "base64"), (found[4], ""), (found[5], "image"), (found[6], "image")):
        assert value["data"] == {}
        assert len(value["errors"]) == 1
        assert words in value["errors"][0]["message"]
    assert all(isinstance(value["warnings"], list) for value in found)


def test_a_low_margin_is_a_warning(service: RunningService) -> None:
    classifier = Classifier(BUNDLE)
    answers = {
        vector.name: (vector.image, classifier.classify(vector.image).abstained)
        for vector in BUNDLE.golden_vectors
    }
    values = [
        record(name, {"image": base64.b64encode(image).decode()}) for name, (image, _) in answers.items()
    ]
    found = service.post_json(PATH, {"values": values}).json()["values"]
    assert any(abstained for _, abstained in answers.values())
    for value in found:
        assert bool(value["warnings"]) is answers[value["recordId"]][1]


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"values": {}},
        {"values": []},
        {"values": [1]},
        {"values": [{"data": {}}]},
        {"values": [{"recordId": 1, "data": {}}]},
        {"values": [record("a", {}), record("a", {})]},
    ],
)
def test_what_no_record_can_be_read_from_is_refused(service: RunningService, document: Any) -> None:
    answer = service.post_json(PATH, document)
    assert answer.status == 400
    assert answer.json()["status"] == 400
