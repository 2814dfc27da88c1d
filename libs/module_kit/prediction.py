"""`prediction/1`: what the classifier says of one frame (docs/messages/prediction-1.json)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from module_kit.json_message import (
    JSON_ENCODING,
    JSON_TYPE,
    Boot,
    Label,
    MessageBody,
    MessagePart,
    Milliseconds,
    Sha256,
    SourceName,
    Timestamp,
)
from module_kit.message import Outgoing

SCHEMA = "prediction/1"


class ModelIdentity(MessagePart):
    """Which model answered."""

    name: str
    version: str
    sha256: Sha256


class Score(MessagePart):
    """One class and how sure the model is of it."""

    label: Label
    probability: float = Field(ge=0, le=1)


class Timings(MessagePart):
    """Milliseconds that the frame spent in the classifier."""

    queue: Milliseconds
    decode: Milliseconds
    infer: Milliseconds


class Failure(MessagePart):
    """Why there is no result."""

    code: str = Field(
        pattern=r"^[a-z0-9_]{1,32}$", description="A word for counters: bad_image, too_many_pixels..."
    )
    message: str = Field(max_length=1024)


class Prediction(MessageBody):
    """A result (`top` and `abstained`) or a failure (`error`), never both.

    Build it with keyword arguments in snake case; `encode()` gives the message, `decode(message)` reads it.
    """

    schema_id: Literal["prediction/1"] = Field(default="prediction/1", alias="schema")
    frame_id: str = Field(min_length=1, max_length=128, description="The frame's messageId.")
    source: SourceName
    boot: Boot
    sequence: int = Field(ge=0)
    captured_at: Timestamp
    model: ModelIdentity
    top: list[Score] | None = Field(default=None, min_length=1, description="Sorted, most probable first.")
    abstained: bool | None = Field(
        default=None, description="True when the model is not sure enough to answer."
    )
    reason: str | None = Field(default=None, max_length=64, description="Why it abstained: low_margin...")
    timings_ms: Timings
    frame_sha256: Sha256
    truth: Label | None = Field(default=None, description="The frame's label, when its source knows it.")
    error: Failure | None = None

    @model_validator(mode="after")
    def _result_or_failure(self) -> Self:
        if self.error is not None:
            if self.top is not None or self.abstained is not None or self.reason is not None:
                raise ValueError("an error excludes top, abstained and reason")
        elif self.top is None or self.abstained is None:
            raise ValueError("top and abstained are required unless there is an error")
        elif any(a.probability < b.probability for a, b in zip(self.top, self.top[1:], strict=False)):
            raise ValueError("top is not sorted by probability")
        elif self.abstained and self.reason is None:
            raise ValueError("abstained needs a reason")
        return self

    @property
    def message_id(self) -> str:
        """The frame's + `.p.` + 8 digits of the model's sha256."""
        return f"{self.frame_id}.p.{self.model.sha256[:8]}"

    def encode(self, traceparent: str | None) -> Outgoing:
        """The message, with the frame's trace context."""
        properties = {"schema": SCHEMA}
        if traceparent:
            properties["traceparent"] = traceparent
        return Outgoing(self.json_body(), self.message_id, JSON_TYPE, JSON_ENCODING, properties)
