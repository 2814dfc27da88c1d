"""Every interface gives the scores that the library gives, for the golden vectors of each shipped bundle."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from image_classifier.bundle import load_bundle, shipped_names
from image_classifier.classifier import Classification, Classifier
from tests.serving.running import RunningService, running


@pytest.fixture(scope="module", params=shipped_names())
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with running(tmp_path_factory.mktemp("parity"), "--bundle", request.param, workers=1) as service:
        service.bundle = request.param
        yield service


@pytest.fixture(scope="module")
def expected(served: RunningService) -> dict[str, tuple[bytes, Classification]]:
    bundle = load_bundle(served.bundle)
    classifier = Classifier(bundle)
    return {
        vector.name: (vector.image, classifier.classify(vector.image, len(bundle.labels)))
        for vector in bundle.golden_vectors
    }


Expected = dict[str, tuple[bytes, Classification]]


def scores(classification: Classification) -> dict[str, float]:
    return {best.label: best.probability for best in classification.top}


def test_the_seed_s_contract(served: RunningService, expected: Expected) -> None:
    body = {name: base64.b64encode(image).decode() for name, (image, _) in expected.items()}
    found = served.post_json("/score", body).json()
    assert found == [{name: classification.top[0].label} for name, (_, classification) in expected.items()]


def test_pictures(served: RunningService, expected: Expected) -> None:
    for image, classification in expected.values():
        answer = served.request(
            "POST", "/score?top_k=100", image, {"Content-Type": "application/octet-stream"}
        )
        (prediction,) = answer.json()["predictions"]
        found = {best["label"]: best["probability"] for best in prediction["top"]}
        assert found == pytest.approx(scores(classification), abs=1e-6)
        assert list(found) == list(scores(classification))
        assert (prediction["abstained"], prediction["reason"]) == (
            classification.abstained,
            classification.reason,
        )


def test_the_inference_protocol(served: RunningService, expected: Expected) -> None:
    data = [base64.b64encode(image).decode() for image, _ in expected.values()]
    tensor = {"name": "image", "shape": [len(data)], "datatype": "BYTES", "data": data}
    answer = served.post_json(f"/v2/models/{served.bundle}/infer", {"inputs": [tensor]}).json()
    outputs = {output["name"]: output for output in answer["outputs"]}
    labels = load_bundle(served.bundle).labels
    assert outputs["probabilities"]["shape"] == [len(data), len(labels)]
    numbers = iter(outputs["probabilities"]["data"])
    for _, classification in expected.values():
        found = {label: next(numbers) for label in labels}
        assert found == pytest.approx(scores(classification), abs=1e-6)


def test_the_search_skill(served: RunningService, expected: Expected) -> None:
    values = [
        {"recordId": name, "data": {"image": base64.b64encode(image).decode()}}
        for name, (image, _) in expected.items()
    ]
    found = served.post_json("/skills/image-classification", {"values": values}).json()["values"]
    for value in found:
        classification = expected[value["recordId"]][1]
        top = {best["label"]: best["probability"] for best in value["data"]["top"]}
        assert top == pytest.approx(dict(list(scores(classification).items())[:3]), abs=1e-6)
        assert value["data"]["model"]["sha256"] == load_bundle(served.bundle).sha256
