"""One HTTP scoring request, whoever's host received it: pictures in, labels out.

A body of type image/jpeg, image/png or application/octet-stream is one picture; its answer is

    {"model": {"name", "version", "sha256"}, "top": [{"label", "probability"}...], "abstained": false}

with `reason` when it abstained. A JSON body is `{"<file name>": "<base64 image>"}` and its answer
`[{"<file name>": "<label>"}]`, in the same order; with `top_k` in the query the label is replaced by what a single
picture gets, without the model. What cannot be answered is a problem document (RFC 9457).
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from image_classifier.classifier import Classification, Classifier, Refusal

MAX_BODY_BYTES = 16 << 20
MAX_PICTURES = 64
_PICTURE_TYPES = ("image/jpeg", "image/png", "application/octet-stream")
_PROBLEM_TYPE = "application/problem+json"
_JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response: status, content type, UTF-8 JSON."""

    status: int
    content_type: str
    body: bytes


class _RefusedError(Exception):
    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title = status, title


def answer(classifier: Classifier, content_type: str, body: bytes, top_k: str | None) -> Answer:
    """What to respond; never raises for what a client sent.

    Args:
        classifier: may be shared by threads.
        content_type: the header, parameters included; empty when there is none.
        body: the request's.
        top_k: the query's, as text.
    """
    try:
        return Answer(200, _JSON_TYPE, _encoded(_answered(classifier, content_type, body, top_k)))
    except _RefusedError as error:
        problem = {
            "type": "about:blank",
            "title": error.title,
            "status": error.status,
            "detail": str(error),
        }
        return Answer(error.status, _PROBLEM_TYPE, _encoded(problem))


def _answered(classifier: Classifier, content_type: str, body: bytes, top_k: str | None) -> Any:
    if len(body) > MAX_BODY_BYTES:
        raise _RefusedError(413, "Content Too Large", f"{len(body)} bytes; at most {MAX_BODY_BYTES} are read")
    wanted = _count(top_k, len(classifier.bundle.labels))
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _PICTURE_TYPES:
        bundle = classifier.bundle
        (result,) = _classified(classifier, {"the picture": body}, wanted or 3).values()
        model = {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256}
        return {"model": model, **_document(result)}
    if kind != _JSON_TYPE:
        expected = ", ".join((*_PICTURE_TYPES, _JSON_TYPE))
        raise _RefusedError(
            415, "Unsupported Media Type", f"Content-Type is {kind or 'missing'}; expected {expected}"
        )
    results = _classified(classifier, _pictures(body), wanted or 1)
    return [{name: _document(result) if wanted else result.top[0].label} for name, result in results.items()]


def _count(top_k: str | None, labels: int) -> int | None:
    if top_k is None:
        return None
    if not (top_k.isascii() and top_k.isdecimal() and 1 <= int(top_k[:9]) <= labels):
        raise _RefusedError(400, "Bad Request", f"top_k is {top_k[:20]!r}; expected 1 to {labels}")
    return int(top_k)


def _pictures(body: bytes) -> dict[str, bytes]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(400, "Bad Request", f"the body is no JSON: {error}") from None
    if not isinstance(document, dict) or not document or len(document) > MAX_PICTURES:
        expected = f'expected {{"<file name>": "<base64 image>"}} with 1 to {MAX_PICTURES} pictures'
        raise _RefusedError(400, "Bad Request", expected)
    return {name: _decoded(name, text) for name, text in document.items()}


def _decoded(name: str, text: object) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise _RefusedError(400, "Bad Request", f"{name[:100]!r}: not base64")


def _classified(classifier: Classifier, pictures: dict[str, bytes], wanted: int) -> dict[str, Classification]:
    results: dict[str, Classification] = {}
    for name, result in zip(pictures, classifier.classify_all(list(pictures.values()), wanted), strict=True):
        if isinstance(result, Refusal):
            raise _RefusedError(422, "Unprocessable Content", f"{name[:100]}: {result.error}")
        results[name] = result
    return results


def _document(result: Classification) -> dict[str, Any]:
    top = [{"label": best.label, "probability": best.probability} for best in result.top]
    reason = {"reason": result.reason} if result.reason else {}
    return {"top": top, "abstained": result.abstained, **reason}


def _encoded(document: Any) -> bytes:
    return json.dumps(document).encode()
