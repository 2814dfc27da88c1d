"""What travels: the parts of an SDK message that this solution uses, without importing the SDK.

MessageError(ValueError)   a message that breaks its schema; says which field and what was expected
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

MAXIMUM_BODY_BYTES = 248 * 1024
"""edgeHub refuses an MQTT packet above 262,144 bytes, percent-encoded properties included; the SDK refuses
when the sizes of its Python objects add up to more (spec B.1, B.5)."""

MAXIMUM_PROPERTY_BYTES = 1024
"""Of one property, percent-encoded as it travels in the topic."""


class MessageError(ValueError):
    """A message that breaks its schema."""

    def __init__(self, message_id: str | None, field_name: str, problem: str) -> None:
        super().__init__(f"message {message_id or '(no messageId)'}: {field_name}: {problem}")
        self.message_id = message_id
        self.field_name = field_name
        self.problem = problem


class Incoming(Protocol):
    """What arrives on an input; `azure.iot.device.Message` has this shape."""

    data: bytes
    custom_properties: dict[str, str | None]
    message_id: str | None
    content_type: str | None
    content_encoding: str | None
    input_name: str | None
    arrived_s: float
    """When it came out of the SDK, by `time.perf_counter()`; set by `hub_link`."""


@dataclass(slots=True)
class Outgoing:
    """A message on its way to an output. `properties` are application properties."""

    body: bytes
    message_id: str
    content_type: str
    content_encoding: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
