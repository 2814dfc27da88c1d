"""A cloud-to-device message as a caller writes it: our own JSON form, for the SDK sends it by AMQP (spec E.6)."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from edge_runtime.iothub.devicebound import DEFAULT_LIFE_S, MOST_LIFE_S, DeviceboundMessage
from edge_runtime.iothub.service.errors import InvalidRequestError

_SYSTEM = {
    "messageId": "messageId",
    "correlationId": "cid",
    "userId": "userId",
    "contentType": "contentType",
    "contentEncoding": "contentEncoding",
    "ack": "ack",
}
"""Names in the document -> edgeHub's internal names (spec B.3)."""
_ACKS = ("none", "positive", "negative", "full")
_MOST_ID_LENGTH = 128
_KEYS = {"body", "bodyBase64", "properties", "expiryTimeUtc", *_SYSTEM}


def message_of(document: Any, now: datetime) -> DeviceboundMessage:
    """The message that a caller's JSON describes (docs/runtime-interfaces.md, "Service API").

    Raises InvalidRequestError naming what is wrong.
    """
    if not isinstance(document, dict) or not document.keys() <= _KEYS:
        raise InvalidRequestError(f"the body must be a JSON object with some of {', '.join(sorted(_KEYS))}")
    system = {inside: _text(document, name) for name, inside in _SYSTEM.items() if document.get(name)}
    if len(system.get("messageId", "")) > _MOST_ID_LENGTH:
        raise InvalidRequestError(f"messageId: at most {_MOST_ID_LENGTH} characters")
    if system.get("ack", "none") not in _ACKS:
        raise InvalidRequestError(f"ack: one of {', '.join(_ACKS)}")
    return DeviceboundMessage(
        application=_properties(document.get("properties") or {}),
        system=system,
        body=_body(document),
        expires=_expires(document.get("expiryTimeUtc"), now),
    )


def _text(document: dict[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise InvalidRequestError(f"{name}: a text")
    return value


def _properties(properties: Any) -> dict[str, str | None]:
    if not isinstance(properties, dict):
        raise InvalidRequestError("properties: a JSON object")
    for name, value in properties.items():
        if not name or not isinstance(value, str):
            raise InvalidRequestError(f"properties: {name!r}: a name and a text")
    return properties


def _body(document: dict[str, Any]) -> bytes:
    if ("body" in document) == ("bodyBase64" in document):
        raise InvalidRequestError("one of body, a text, and bodyBase64 is needed")
    if "body" in document:
        return _text(document, "body").encode(errors="replace")
    try:
        return base64.b64decode(_text(document, "bodyBase64"), validate=True)
    except (ValueError, binascii.Error):
        raise InvalidRequestError("bodyBase64: no base64") from None


def _expires(text: Any, now: datetime) -> float:
    """In Unix seconds."""
    if text is None:
        return now.timestamp() + DEFAULT_LIFE_S
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidRequestError("expiryTimeUtc: a time such as 2026-01-31T12:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not 0 < (moment - now).total_seconds() <= MOST_LIFE_S:
        raise InvalidRequestError(f"expiryTimeUtc: within the next {MOST_LIFE_S / 3600:g} hours")
    return moment.timestamp()
