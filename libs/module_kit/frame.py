"""`frame/1`: one encoded image from the camera to the classifier (docs/messages/frame-1.json)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from module_kit.message import MAXIMUM_BODY_BYTES, MAXIMUM_PROPERTY_BYTES, Incoming, MessageError, Outgoing

SCHEMA = "frame/1"
CONTENT_TYPES = frozenset({"image/jpeg", "image/png"})
_SOURCE = re.compile(r"[A-Za-z0-9_-]{1,32}")
_BOOT = re.compile(r"[A-Za-z0-9]{1,32}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
_MAXIMUM_LABEL = 64


@dataclass(slots=True, frozen=True)
class Frame:
    """One encoded image and what is known of it.

    Attributes:
        image: one JPEG or PNG, 1 byte to 248 KiB.
        content_type: `image/jpeg` or `image/png`.
        source: `[A-Za-z0-9_-]`, 1 to 32 characters.
        boot: random at each start of the camera (`identifiers.new_boot()`).
        sequence: 0, 1, 2... per source and boot.
        captured_at: RFC 3339, UTC, milliseconds: `2026-01-01T00:00:00.000Z` (`identifiers.timestamp()`).
        width, height: pixels, as the sender says; the decoder trusts the image alone.
        traceparent: W3C trace context (`identifiers.new_traceparent()`).
        label: the class's name when the source knows the truth, 1 to 64 characters.
    """

    image: bytes
    content_type: str
    source: str
    boot: str
    sequence: int
    captured_at: str
    width: int
    height: int
    traceparent: str
    label: str | None = None

    @property
    def message_id(self) -> str:
        return f"{self.source}.{self.boot}.{self.sequence}"

    def encode(self) -> Outgoing:
        """The message; `MessageError` names the field that breaks the schema."""
        properties = {
            "schema": SCHEMA,
            "source": self.source,
            "boot": self.boot,
            "sequence": str(self.sequence),
            "capturedAt": self.captured_at,
            "width": str(self.width),
            "height": str(self.height),
            "traceparent": self.traceparent,
        }
        if self.label is not None:
            properties["label"] = self.label
        message_id = self.message_id
        _check(message_id, properties, self.content_type, self.image)
        return Outgoing(self.image, message_id, self.content_type, properties=properties)

    @classmethod
    def decode(cls, message: Incoming) -> Frame:
        """The frame in `message`; `MessageError` names the field that breaks the schema."""
        given = message.custom_properties
        properties = {name: given.get(name) or "" for name in _REQUIRED}
        label = given.get("label")
        if label is not None:
            properties["label"] = label
        _check(message.message_id, properties, message.content_type, message.data)
        frame = cls(
            image=message.data,
            content_type=message.content_type or "",
            source=properties["source"],
            boot=properties["boot"],
            sequence=int(properties["sequence"]),
            captured_at=properties["capturedAt"],
            width=int(properties["width"]),
            height=int(properties["height"]),
            traceparent=properties["traceparent"],
            label=label,
        )
        if message.message_id != frame.message_id:
            raise MessageError(message.message_id, "messageId", f"expected {frame.message_id}")
        return frame


_REQUIRED = ("schema", "source", "boot", "sequence", "capturedAt", "width", "height", "traceparent")
PATTERNS = {
    "source": _SOURCE,
    "boot": _BOOT,
    "sequence": _NUMBER,
    "capturedAt": _TIME,
    "width": _NUMBER,
    "height": _NUMBER,
    "traceparent": _TRACEPARENT,
}


def _check(
    message_id: str | None, properties: dict[str, str], content_type: str | None, image: object
) -> None:
    if properties["schema"] != SCHEMA:
        raise MessageError(message_id, "schema", f"{properties['schema']!r}, expected {SCHEMA!r}")
    for name, pattern in PATTERNS.items():
        if not pattern.fullmatch(properties[name]):
            raise MessageError(message_id, name, f"{properties[name][:64]!r}, expected {pattern.pattern}")
    label = properties.get("label")
    if label is not None and not 1 <= len(label) <= _MAXIMUM_LABEL:
        raise MessageError(message_id, "label", f"{len(label)} characters, expected 1 to {_MAXIMUM_LABEL}")
    if content_type not in CONTENT_TYPES:
        raise MessageError(message_id, "contentType", f"{content_type!r}, expected image/jpeg or image/png")
    if not isinstance(image, bytes):
        raise MessageError(message_id, "body", f"{type(image).__name__}, expected bytes")
    if not 1 <= len(image) <= MAXIMUM_BODY_BYTES:
        raise MessageError(message_id, "body", f"{len(image)} bytes, expected 1 to {MAXIMUM_BODY_BYTES}")
    if label is not None and len(quote(label, safe="")) > MAXIMUM_PROPERTY_BYTES:
        raise MessageError(message_id, "label", f"over {MAXIMUM_PROPERTY_BYTES} bytes when percent-encoded")
