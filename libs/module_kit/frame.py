"""`frame/1`: one encoded image from the camera to the classifier."""

from __future__ import annotations

from dataclasses import dataclass

from module_kit.message import Incoming, Outgoing

SCHEMA = "frame/1"


@dataclass(slots=True, frozen=True)
class Frame:
    """One encoded image and what is known of it.

    Attributes:
        image: one JPEG or PNG, at most 248 KiB.
        content_type: `image/jpeg` or `image/png`.
        source: `[A-Za-z0-9_-]`, 1 to 32 characters.
        boot: random at each start of the camera (`identifiers.new_boot()`).
        sequence: 0, 1, 2... per source and boot.
        captured_at: RFC 3339, UTC, milliseconds: `2026-01-01T00:00:00.000Z` (`identifiers.timestamp()`).
        width, height: pixels.
        traceparent: W3C trace context (`identifiers.new_traceparent()`).
        label: the class's name when the source knows the truth.
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
        raise NotImplementedError

    @classmethod
    def decode(cls, message: Incoming) -> Frame:
        """The frame in `message`; `MessageError` names the field that breaks the schema."""
        raise NotImplementedError
