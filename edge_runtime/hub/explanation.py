"""Why a message takes a route of this hub, or does not; for whoever watches it."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence

from edge_runtime.hub import twin_changes
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import HubError, JsonObject
from edge_runtime.hub.router import short_name
from edge_runtime.hub.stamps import stamps
from edge_runtime.routing import Context, Evaluator, Route, explain
from edge_runtime.routing.explain_json import match_document, verdict_document
from edge_runtime.routing.message_json import JsonMessage, MessageJsonError, parse_message

MOST_BODY_BYTES = 256 * 1024
"""IoT Hub's largest message; a larger one is refused before any route sees it."""


class InvalidMessageError(HubError):
    """The document is no message; names the field and the mend."""


def message_of(document: object, *, device_id: str) -> JsonMessage:
    """A message of JSON (routing/message_json.py), its body also as `bodyBase64`. Raises InvalidMessageError."""
    try:
        message = parse_message(document)
    except MessageJsonError as error:
        raise InvalidMessageError(str(error)) from None
    encoded = document.get("bodyBase64") if isinstance(document, dict) else None
    if encoded is not None:
        message = message._replace(body=_decoded(encoded, message.body))
    if len(message.body) > MOST_BODY_BYTES:
        raise InvalidMessageError(f"the body has {len(message.body)} bytes: {MOST_BODY_BYTES} are the most")
    module = message.sys.get("connectionModuleId")
    # Names of properties have no case, and of two that are one the last counts: what the message says itself.
    stamped = {
        "connectionDeviceId": device_id,
        **stamps(ClientId(device_id, module), device_id),
        **message.sys,
    }
    source = twin_changes.SOURCE if twin_changes.is_one(message.sys) else message.source
    return message._replace(sys=stamped, source=source)


def _decoded(encoded: object, body: bytes) -> bytes:
    if body:
        raise InvalidMessageError('"body" and "bodyBase64" are one: give one of them')
    try:
        if isinstance(encoded, str):
            return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise InvalidMessageError('"bodyBase64" is not Base64: write text in the alphabet of RFC 4648')


class Explainer:
    """One at a time and beside the event loop: a large body and many conditions take their time."""

    def __init__(self) -> None:
        self._busy = asyncio.Lock()

    async def explain(self, routes: Sequence[Route], message: JsonMessage) -> JsonObject:
        """`{"source", "matches": [..], "routes": [..]}` (docs/runtime-interfaces.md, "Observer API")."""
        async with self._busy:
            return await asyncio.to_thread(_explain, routes, message)


def _explain(routes: Sequence[Route], message: JsonMessage) -> JsonObject:
    context = Context(message)
    return {
        "source": message.source,
        "matches": [_short(match_document(match)) for match in Evaluator(routes).evaluate(message)],
        "routes": [
            {"name": route.name, "text": route.text, **_short(verdict_document(explain(route, context)))}
            for route in routes
        ],
    }


def _short(document: dict[str, object]) -> dict[str, object]:
    return {**document, "endpoint": short_name(str(document["endpoint"]))}
