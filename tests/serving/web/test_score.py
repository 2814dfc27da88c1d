from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from tests.serving.running import AUTHORIZATION, RunningService, golden_picture

BUNDLE = load_bundle("fast")
JPEG = next(vector.image for vector in BUNDLE.golden_vectors if vector.content_type == "image/jpeg")
PNG = next(vector.image for vector in BUNDLE.golden_vectors if vector.content_type == "image/png")


def in_base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def url(service: RunningService, path: str) -> str:
    return f"http://{service.address}:{service.port}{path}"


@pytest.mark.parametrize("path", ["/score", "/api/v1/service/cifar10-service/score"])
def test_the_seed_s_contract_gives_each_file_its_label_in_order(service: RunningService, path: str) -> None:
    classifier = Classifier(BUNDLE)
    body = {"b.jpg": in_base64(JPEG), "a.png": in_base64(PNG)}
    answer = requests.post(url(service, path), json=body, headers=AUTHORIZATION, timeout=100)
    assert answer.status_code == 200
    assert answer.json() == [
        {"b.jpg": classifier.classify(JPEG).top[0].label},
        {"a.png": classifier.classify(PNG).top[0].label},
    ]


def test_files_of_the_same_name_get_an_answer_each(service: RunningService) -> None:
    classifier = Classifier(BUNDLE)
    body = f'{{"a": "{in_base64(JPEG)}", "a": "{in_base64(PNG)}"}}'.encode()
    answer = service.request("POST", "/score", body, {"Content-Type": "application/json"})
    assert answer.json() == [{"a": classifier.classify(picture).top[0].label} for picture in (JPEG, PNG)]


def test_json_needs_no_media_type_to_be_seen(service: RunningService) -> None:
    body = json.dumps({"a": in_base64(PNG)}).encode()
    assert list(service.request("POST", "/score", b"\n " + body).json()[0]) == ["a"]


@pytest.mark.parametrize(
    ("media_type", "picture"),
    [("image/jpeg", JPEG), ("image/png", PNG), ("application/octet-stream", PNG), ("IMAGE/PNG; x=y", PNG)],
)
def test_a_picture_as_it_is_gets_its_best_labels(
    service: RunningService, media_type: str, picture: bytes
) -> None:
    answer = service.request("POST", "/score?top_k=2", picture, {"Content-Type": media_type})
    expected = Classifier(BUNDLE).classify(picture, 2)
    document = answer.json()
    assert document["model"] == {"name": "fast", "version": BUNDLE.version, "sha256": BUNDLE.sha256}
    (prediction,) = document["predictions"]
    assert [best["label"] for best in prediction["top"]] == [best.label for best in expected.top]
    assert prediction["top"][0]["probability"] == pytest.approx(expected.top[0].probability, abs=1e-5)
    assert prediction["abstained"] is expected.abstained
    assert answer.headers["x-model-version"] == BUNDLE.version


def test_a_form_may_hold_several_pictures(service: RunningService) -> None:
    files = [("image", ("one.jpg", JPEG, "image/jpeg")), ("image", ("two.png", PNG, "image/png"))]
    answer = requests.post(
        url(service, "/score"), files=files, data={"top_k": "1"}, headers=AUTHORIZATION, timeout=100
    )
    predictions = answer.json()["predictions"]
    assert [prediction["name"] for prediction in predictions] == ["one.jpg", "two.png"]
    assert [len(prediction["top"]) for prediction in predictions] == [1, 1]


BAD: list[tuple[str, bytes, str, int, str]] = [
    ("no JSON", b"{", "application/json", 400, "not JSON"),
    ("deep JSON", b"[" * 100_000, "application/json", 400, "not JSON"),
    ("JSON of another form", b"[]", "application/json", 400, "file name"),
    ("no files", b"{}", "application/json", 400, "no pictures"),
    ("not a text", b'{"a": 1}', "application/json", 422, "'a'"),
    ("not base64", b'{"a.jpg": "&"}', "application/json", 422, "'a.jpg': not base64"),
    ("not base64, beyond ASCII", '{"a": "äöü="}'.encode(), "application/json", 422, "not base64"),
    ("half a surrogate pair", b'{"\\ud800": "AAAA"}', "application/json", 415, "neither JPEG nor PNG"),
    ("no picture", json.dumps({"a.jpg": in_base64(b"GIF89a")}).encode(), "application/json", 415, "a.jpg"),
    ("an empty picture", b'{"a.jpg": ""}', "application/json", 422, "a.jpg"),
    ("a cut picture", JPEG[:-9], "image/jpeg", 422, "picture"),
    ("an empty body", b"", "image/jpeg", 400, "empty"),
    ("a media type of no use", b"a=b", "application/x-www-form-urlencoded", 415, "Content-Type"),
    ("a form without boundary", b"a", "multipart/form-data", 400, "boundary"),
    ("a form that is cut", b"--x\r\nContent", "multipart/form-data; boundary=x", 400, ""),
    ("a form without files", b"--x--\r\n", "multipart/form-data; boundary=x", 400, "no pictures"),
]


@pytest.mark.parametrize(
    ("body", "media_type", "status", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_what_is_wrong_is_told(
    service: RunningService, body: bytes, media_type: str, status: int, words: str
) -> None:
    answer = service.request("POST", "/score", body, {"Content-Type": media_type})
    problem: dict[str, Any] = answer.json()
    assert (answer.status, problem["status"]) == (status, status), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in problem["detail"]
    assert problem["traceId"] in answer.headers["traceparent"]


@pytest.mark.parametrize("top_k", ["0", "101", "-1", "x", "1e1", "²", "9" * 5000])
def test_top_k_has_a_range(service: RunningService, top_k: str) -> None:
    answer = requests.post(
        url(service, "/score"),
        params={"top_k": top_k},
        data=PNG,
        headers={**AUTHORIZATION, "Content-Type": "image/png"},
        timeout=100,
    )
    assert answer.status_code == 400
    assert "top_k" in answer.json()["detail"]


def test_one_bad_picture_refuses_the_request_under_its_name(service: RunningService) -> None:
    answer = service.post_json("/score", {"good.png": in_base64(PNG), "bad.png": in_base64(PNG[:-20])})
    assert answer.status == 422
    assert answer.json()["detail"].startswith("bad.png: ")
    assert answer.json()["code"] == "truncated"


def test_an_unknown_version_that_is_insisted_on_is_not_found(service: RunningService) -> None:
    headers = {"Content-Type": "image/png", "X-Model-Version": "9.9.9"}
    assert service.request("POST", "/score", golden_picture(), headers).status == 404
    headers["X-Model-Version"] = BUNDLE.version
    assert service.request("POST", "/score", golden_picture(), headers).status == 200
