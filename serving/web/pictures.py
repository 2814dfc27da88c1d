"""From base64 texts to scores: what the interfaces share."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from image_classifier.bundle import Bundle
from image_classifier.classifier import Classification
from serving.errors import BadContentError, BadRequestError
from serving.scoring import Call, Result, Scored
from serving.web.problem import BadPictureError, ProblemError

DEFAULT_TOP_K, MAX_TOP_K = 3, 100


def from_base64(text: str, where: str) -> bytes:
    """The bytes of an encoded picture.

    Raises:
        BadContentError: not base64 (RFC 4648, section 4).
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:  # binascii.Error, or characters beyond ASCII
        raise BadContentError(f"{where}: not base64: {error}") from None


def call_of(request: Request, interface: str, model: str | None = None, version: str | None = None) -> Call:
    """What `request` says about the model that it wants."""
    headers = request.headers
    return Call(interface, model, version, headers.get("x-flight-key"), headers.get("x-model-version"))


def top_k_of(text: str | None) -> int:
    """`top_k` of a query.

    Raises:
        BadRequestError: not a number from 1 to 100.
    """
    if text is None:
        return DEFAULT_TOP_K
    if text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_TOP_K:
        return int(text)
    raise BadRequestError(f"top_k: expected a number from 1 to {MAX_TOP_K}, found {text[:20]!r}")


def check_count(count: int, most: int, what: str = "pictures") -> None:
    """Refuse a number of pictures that a request may not hold.

    Raises:
        ProblemError: 413, more than one request may hold.
        BadRequestError: none at all.
    """
    if count > most:
        raise ProblemError(413, f"{count} {what}; a request holds at most {most}")
    if count == 0:
        raise BadRequestError(f"the request holds no {what}")


def classifications(scored: Scored, names: Sequence[str]) -> list[Classification]:
    """The answers, where every picture must have one.

    Raises:
        BadPictureError: for the first that has none, under its name.
    """
    return [_answered(result, name) for result, name in zip(scored.results, names, strict=True)]


def _answered(result: Result, name: str) -> Classification:
    if isinstance(result, Classification):
        return result
    raise BadPictureError(name, result.error)


def model_json(bundle: Bundle) -> dict[str, str]:
    """Which model answered, as answers and messages of the edge name it."""
    return {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256}


def classification_json(result: Classification, top_k: int) -> dict[str, Any]:
    """The best labels of one picture."""
    top = [{"label": best.label, "probability": round(best.probability, 6)} for best in result.top[:top_k]]
    return {"top": top, "abstained": result.abstained, "reason": result.reason}
