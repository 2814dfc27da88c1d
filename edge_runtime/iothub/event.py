"""An arrived message: how it is checked, what IoT Hub adds to it, how it reads.

What the hub process sends bears edgeHub's internal names of system properties (spec B.3); a reader of
IoT Hub sees the cloud's names and those that the cloud adds (spec C.13). Deviations from Azure, chosen
because the reader here is a person or a test at the same machine: `output` is kept (Azure loses it),
and `iothub-connection-auth-method` and the generation id are left out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from edge_runtime.iothub.message_size import counted_bytes

MAXIMUM_BYTES = 262_144
"""Body, property names and values together (spec B.5)."""

_CLOUD_NAMES = {
    "messageId": "message-id",
    "cid": "correlation-id",
    "userId": "user-id",
    "to": "to",
    "contentType": "content-type",
    "contentEncoding": "content-encoding",
    "absolute-expiry-time": "absolute-expiry-time",
    "messageSchema": "iothub-message-schema",
    "creationTime": "iothub-creation-time-utc",
    "iothub-interface-id": "iothub-interface-id",
    "dt-subject": "dt-subject",
    "modelId": "dt-dataschema",
}


class RejectedError(Exception):
    """This message can never be accepted; `str()` is the reason, fit for the hub's counters."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message as it is kept. `application` and `system` hold None for a property without a value."""

    device: str
    sequence: int
    module: str | None
    output: str | None
    enqueued_at: datetime
    application: Mapping[str, str | None]
    system: Mapping[str, str | None]
    body: bytes

    @property
    def size(self) -> int:
        """Bytes as IoT Hub counts them."""
        return counted_bytes(self.body, self.application, self.system)

    def digest(self) -> bytes:
        """Tells a batch that was sent again from another message of the same number.

        The number alone does not: it starts again when the hub's store is begun anew.
        """
        system = {name: value for name, value in self.system.items() if name != "iothub-enqueuedtime"}
        # A hub sends properties in one order, however often; `repr` takes a third of sorted JSON's time.
        envelope = repr((self.module, self.output, self.application, system))
        return hashlib.blake2b(envelope.encode() + b"\0" + self.body, digest_size=16).digest()


def accept(device: str, document: Mapping[str, Any], now: datetime) -> Event:
    """Make an event of one entry of a batch. Raises RejectedError."""
    application = _properties(document.get("properties", {}))
    internal = _properties(document.get("systemProperties", {}))
    try:
        # Not base64.b64decode, which checks the whole text with a regular expression first.
        body = binascii.a2b_base64(document["body"], strict_mode=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise RejectedError("malformed_body") from None
    module = internal.get("connectionModuleId")
    system = {_CLOUD_NAMES[name]: value for name, value in internal.items() if name in _CLOUD_NAMES}
    # A device beside the edge device sends through it, and is the one that a reader sees.
    sender = internal.get("connectionDeviceId") or device
    system["iothub-connection-device-id"] = sender
    if module:
        system["iothub-connection-module-id"] = module
    system["iothub-enqueuedtime"] = timestamp(now)
    system["iothub-message-source"] = "Telemetry"
    event = Event(
        device=sender,
        sequence=document["sequence"],
        module=module,
        output=internal.get("outputName"),
        enqueued_at=now,
        application=application,
        system=system,
        body=body,
    )
    if counted_bytes(body, application, internal) > MAXIMUM_BYTES:
        raise RejectedError("too_large")
    return event


@lru_cache(16)  # a batch has one time of arrival
def timestamp(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def readable(event: Event, number: int) -> dict[str, Any]:
    """The event as a JSON document: `body` when it is JSON or text by its content type, else `bodyBase64`."""
    return {
        "id": number,
        "sequence": event.sequence,
        "enqueuedTime": timestamp(event.enqueued_at),
        "deviceId": event.device,
        "moduleId": event.module,
        "output": event.output,
        **_readable_body(event),
        "properties": dict(event.application),
        "systemProperties": dict(event.system),
    }


def _readable_body(event: Event) -> dict[str, Any]:
    content_type = (event.system.get("content-type") or "").split(";")[0].strip().lower()
    try:
        if content_type == "application/json" or content_type.endswith("+json"):
            return {"body": json.loads(event.body)}
        if content_type.startswith("text/"):
            return {"body": event.body.decode()}
    except (ValueError, RecursionError):
        pass
    return {"bodyBase64": base64.b64encode(event.body).decode("ascii")}


def _properties(document: Any) -> dict[str, str | None]:
    if not isinstance(document, dict):
        raise RejectedError("malformed_properties")
    for value in document.values():
        if value is not None and not isinstance(value, str):
            raise RejectedError("malformed_properties")
    return document
