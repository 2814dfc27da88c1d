"""Direct method calls as JSON documents: what a caller may ask for, and how the answer reads (spec B.8, B.9)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import HubError

MAX_PAYLOAD = 128 * 1024
MOST_SECONDS = 300.0
DEFAULT_RESPONSE_S = 30.0
# It becomes part of an MQTT topic as it is.
_NAME = re.compile(r"[^/#+\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,100}")


class InvalidCallError(HubError):
    """The document asks for something out of bounds; the message names the field and its bounds."""


class BadAnswerError(HubError):
    """The called module answered something that is not JSON."""


@dataclass(frozen=True, slots=True)
class MethodCall:
    """`payload` is JSON text, times are seconds."""

    name: str
    payload: bytes
    response_timeout_s: float
    connect_timeout_s: float


def parse_call(document: Any, *, least_response_s: float) -> MethodCall:
    """A call from `{"methodName", "payload"?, "responseTimeoutInSeconds"?, "connectTimeoutInSeconds"?}`.

    `least_response_s` is the least time that the caller's protocol lets it wait for the answer: edgeHub's HTTP
    takes 5 s. Raises InvalidCallError.
    """
    if not isinstance(document, dict):
        raise InvalidCallError(f"a call is a JSON object, not {type(document).__name__}")
    name = document.get("methodName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidCallError("methodName: a text of 1 to 100 characters that a topic can hold")
    payload = json.dumps(document.get("payload")).encode()
    if len(payload) > MAX_PAYLOAD:
        raise InvalidCallError(f"payload: at most {MAX_PAYLOAD} bytes")
    return MethodCall(
        name,
        payload,
        _seconds(document, "responseTimeoutInSeconds", DEFAULT_RESPONSE_S, least_response_s),
        _seconds(document, "connectTimeoutInSeconds", 0.0, 0.0),
    )


async def answer(hub: EdgeHub, client: ClientId, call: MethodCall, *, caller: str) -> bytes:
    """Call `client` and wait; `{"status", "payload"}` as JSON text, the payload as the module wrote it.

    `caller` is who asks, for the metrics: `device/module`, or `upstream`.

    Raises MethodTargetMissingError, MethodTimeoutError, BadAnswerError.
    """
    with hub.statistics.measured.methods[caller, str(client)].timed():
        result = await hub.invoke(
            client,
            call.name,
            call.payload,
            response_timeout_s=call.response_timeout_s,
            connect_timeout_s=call.connect_timeout_s,
        )
    payload = result.payload or b"null"
    try:
        json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadAnswerError(f"the answer of {client} is not JSON") from None
    return b'{"status": %d, "payload": %b}' % (result.status, payload)


def _seconds(document: dict[str, Any], name: str, default: float, least: float) -> float:
    value = document.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= MOST_SECONDS:
        raise InvalidCallError(f"{name}: a number from {least:g} to {MOST_SECONDS:g}")
    return float(value)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
