"""`event/1`: what changed, when, for how long, how sure, and why (docs/messages/event-1.json)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from module_kit.json_message import (
    JSON_ENCODING,
    JSON_TYPE,
    Boot,
    Label,
    MessageBody,
    Milliseconds,
    SourceName,
    Timestamp,
)
from module_kit.message import Outgoing
from module_kit.prediction import Prediction

SCHEMA = "event/1"


class Event(MessageBody):
    """A label appeared (`start`), is still there (`update`) or is gone (`end`).

    All messages of one appearance share `event_id`. Times are the frames' `capturedAt`.
    """

    schema_id: Literal["event/1"] = Field(default="event/1", alias="schema")
    event_id: str = Field(min_length=1, max_length=116)
    type: Literal["start", "update", "end"]
    update: int = Field(ge=0, description="0 for start; 1, 2... for what follows of the same event.")
    label: Label
    source: SourceName
    boot: Boot
    started_at: Timestamp = Field(description="capturedAt of the first frame that showed the label.")
    at: Timestamp = Field(description="capturedAt of the frame that decided.")
    duration_ms: Milliseconds = Field(description="From startedAt to at.")
    frames: int = Field(ge=1, description="Frames that showed the label so far.")
    mean_probability: float = Field(ge=0, le=1)
    peak_probability: float = Field(ge=0, le=1)
    end_reason: Literal["gone", "stale", "settings", "stopped"] | None = Field(
        default=None,
        description="gone: other results; stale: no results; settings: now excluded; stopped: the module.",
    )
    prediction: Prediction = Field(description="The prediction that decided.")

    @property
    def message_id(self) -> str:
        return f"{self.event_id}.{self.type}{self.update or ''}"

    def encode(self, traceparent: str | None) -> Outgoing:
        """The message, with the trace context of the frame that decided."""
        properties = {"schema": SCHEMA, "type": self.type, "label": self.label}
        if traceparent:
            properties["traceparent"] = traceparent
        return Outgoing(self.json_body(), self.message_id, JSON_TYPE, JSON_ENCODING, properties)
