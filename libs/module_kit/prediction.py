"""`prediction/1`: what the classifier says of one frame (docs/messages/prediction-1.json)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from module_kit.identifiers import seconds_of
from module_kit.message import Incoming, MessageError, Outgoing

SCHEMA = "prediction/1"
JSON_TYPE, JSON_ENCODING = "application/json", "utf-8"
"""Both are needed for `$body` conditions in routes to match (spec C.7)."""


def _a_moment(text: str) -> str:
    seconds_of(text)  # refuses the 30th of February
    return text


SourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Boot = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,32}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Timestamp = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        description="RFC 3339, UTC, milliseconds.",
    ),
    AfterValidator(_a_moment),
]
Label = Annotated[str, Field(min_length=1, max_length=64)]
Milliseconds = Annotated[float, Field(ge=0)]


class MessagePart(BaseModel):
    """Base of what travels as JSON: camelCase names, nothing unknown, no NaN, not changed once made."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )

    def json_body(self) -> bytes:
        """UTF-8 JSON; what is None is left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


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


class Prediction(MessagePart):
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

    @classmethod
    def decode(cls, message: Incoming) -> Prediction:
        """The prediction in `message`; `MessageError` names the field that breaks the schema."""
        try:
            return cls.model_validate_json(message.data, by_alias=True, by_name=False)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = "/".join(str(part) for part in found["loc"]) or "body"
            raise MessageError(message.message_id, where, found["msg"]) from None
