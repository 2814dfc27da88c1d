"""`summary/1`: counts over a period (docs/messages/summary-1.json)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from module_kit.json_message import (
    JSON_ENCODING,
    JSON_TYPE,
    MessageBody,
    MessagePart,
    Milliseconds,
    SourceName,
    Timestamp,
)
from module_kit.message import Outgoing

SCHEMA = "summary/1"
ABSTAINED = "(abstained)"
"""Stands for an answer where the model gave none."""
OTHERS = "(others)"
"""Stands for names beyond those that are told apart."""
Count = int


class Percentiles(MessagePart):
    """Milliseconds; estimated from a histogram whose bars are 10 % wide."""

    p50: Milliseconds
    p95: Milliseconds
    p99: Milliseconds


class Latencies(MessagePart):
    """`capture_to_filter` compares two clocks when camera and filter run on different machines."""

    queue: Percentiles
    decode: Percentiles
    infer: Percentiles
    capture_to_filter: Percentiles


class SourceCounts(MessagePart):
    """How complete the stream of one source was."""

    source: SourceName
    received: Count = Field(ge=0)
    missing: Count = Field(ge=0, description="Sequence numbers that never came: lost after the camera.")
    out_of_order: Count = Field(ge=0)
    boots: Count = Field(ge=0, description="Starts of the camera seen in the period.")


class Accuracy(MessagePart):
    """Against the truth that travelled with the frames. An abstention is never right."""

    n: Count = Field(ge=1)
    correct: Count = Field(ge=0)
    top1: float = Field(ge=0, le=1)
    confusion: dict[str, dict[str, Count]] = Field(description="confusion[truth][predicted], zeros left out.")


class Budget(MessagePart):
    """Upstream messages as IoT Hub meters them, since midnight UTC."""

    used: Count = Field(ge=0)
    limit: Count = Field(ge=0)


class Summary(MessageBody):
    """What happened from `since` to `until` (wall clock of the filter)."""

    schema_id: Literal["summary/1"] = Field(default="summary/1", alias="schema")
    number: int = Field(ge=0, description="0, 1, 2... since the filter started.")
    since: Timestamp
    until: Timestamp
    predictions: Count = Field(ge=0)
    labels: dict[str, Count] = Field(description="Results by most probable label, abstentions left out.")
    abstained: dict[str, Count] = Field(description="Abstentions by reason.")
    errors: dict[str, Count] = Field(description="Failures by code.")
    confidence: list[Count] = Field(
        min_length=10, max_length=10, description="Results by probability: [0, 0.1), [0.1, 0.2)... [0.9, 1]."
    )
    latencies_ms: Latencies | None = None
    sources: list[SourceCounts]
    duplicates: Count = Field(ge=0)
    events: dict[str, Count] = Field(description="Events sent upstream by type.")
    dropped: dict[str, Count] = Field(
        description="What did not go upstream, or came and was not used, by reason."
    )
    budget: Budget
    accuracy: Accuracy | None = None

    def encode(self, message_id: str) -> Outgoing:
        """The message; `message_id` is the filter's name, boot and this summary's number."""
        return Outgoing(self.json_body(), message_id, JSON_TYPE, JSON_ENCODING, {"schema": SCHEMA})
