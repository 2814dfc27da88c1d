"""Bodies that a host may hand on, and what is responded: right answers, and a problem document for each mistake."""

from __future__ import annotations

import base64
import json

import pytest

from targets.scoring_request import MAX_BODY_BYTES, answer
from tests.targets.golden import classifier, scores, vectors

FIRST, SECOND = vectors("fast")[:2]


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_one_picture() -> None:
    result = answer(classifier("fast"), "image/png", FIRST.image, None)
    assert (result.status, result.content_type) == (200, "application/json")
    document = json.loads(result.body)
    bundle = classifier("fast").bundle
    assert document.pop("model") == {"name": "fast", "version": bundle.version, "sha256": bundle.sha256}
    assert document == {**scores("fast", FIRST), "top": scores("fast", FIRST)["top"][:3]}


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_answers_in_the_order_of_its_pictures(content_type: str) -> None:
    body = json.dumps({"b.png": in_base64(FIRST.image), "a.png": in_base64(SECOND.image)}).encode()
    labels = [scores("fast", vector)["top"][0]["label"] for vector in (FIRST, SECOND)]
    plain = answer(classifier("fast"), content_type, body, None)
    assert json.loads(plain.body) == [{"b.png": labels[0]}, {"a.png": labels[1]}]
    whole = answer(classifier("fast"), content_type, body, "10")
    assert json.loads(whole.body) == [{"b.png": scores("fast", FIRST)}, {"a.png": scores("fast", SECOND)}]


GOOD = in_base64(FIRST.image)


@pytest.mark.parametrize(
    ("content_type", "body", "top_k", "status", "detail"),
    [
        ("", b"x", None, 415, "Content-Type is missing; expected image/jpeg"),
        ("text/plain", b"x", None, 415, "Content-Type is text/plain"),
        ("image/png", b"", None, 422, "the picture: empty: no bytes"),
        ("image/png", FIRST.image[:-20], None, 422, "the picture: truncated"),
        ("image/png", FIRST.image, "0", 400, "top_k is '0'; expected 1 to 10"),
        ("image/png", FIRST.image, "11", 400, "expected 1 to 10"),
        ("image/png", FIRST.image, "1e3", 400, "expected 1 to 10"),
        ("image/png", FIRST.image, "\u00b2", 400, "expected 1 to 10"),
        ("image/png", FIRST.image, "9" * 5000, 400, "expected 1 to 10"),
        ("application/json", b"{", None, 400, "the body is no JSON"),
        ("application/json", b"\xff", None, 400, "the body is no JSON"),
        ("application/json", b"[" * 100_000, None, 400, "the body is no JSON"),
        ("application/json", b"{}", None, 400, "with 1 to 64 pictures"),
        ("application/json", b"[]", None, 400, "with 1 to 64 pictures"),
        ("application/json", json.dumps({str(n): GOOD for n in range(65)}).encode(), None, 400, "1 to 64"),
        ("application/json", b'{"a.png": 1}', None, 400, "'a.png': not base64"),
        ("application/json", b'{"a.png": "?"}', None, 400, "'a.png': not base64"),
        ("application/json", b'{"a.png": "\xc3\xa9"}', None, 400, "'a.png': not base64"),
        (
            "application/json",
            json.dumps({"a": GOOD, "b": "AAAA"}).encode(),
            None,
            422,
            "b: unsupported_format",
        ),
        ("image/png", bytes(MAX_BODY_BYTES + 1), None, 413, "at most 16777216 are read"),
    ],
)
def test_mistakes_are_problem_documents(
    content_type: str, body: bytes, top_k: str | None, status: int, detail: str
) -> None:
    result = answer(classifier("fast"), content_type, body, top_k)
    assert (result.status, result.content_type) == (status, "application/problem+json")
    problem = json.loads(result.body)
    assert (problem["status"], problem["type"]) == (status, "about:blank")
    assert detail in problem["detail"]
