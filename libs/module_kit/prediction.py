"""`prediction/1`: what the classifier says of one frame."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from module_kit.message import Incoming, Outgoing

SCHEMA = "prediction/1"


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )


class ModelIdentity(_Part):
    name: str
    version: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Score(_Part):
    label: str
    probability: float = Field(ge=0, le=1)


class Timings(_Part):
    """Milliseconds."""

    queue: float = Field(ge=0)
    decode: float = Field(ge=0)
    infer: float = Field(ge=0)


class Failure(_Part):
    code: str = Field(description="A word for counters: `bad_image`, `too_many_pixels`...")
    message: str


class Prediction(_Part):
    """A result (`top`, `abstained`) or a failure (`error`), never both.

    Build it with keyword arguments in snake case; `encode()` gives the message, `decode(message)` reads it.
    """

    schema_id: Literal["prediction/1"] = Field(default="prediction/1", alias="schema")
    frame_id: str
    source: str
    boot: str
    sequence: int = Field(ge=0)
    captured_at: str
    model: ModelIdentity
    top: list[Score] | None = None
    abstained: bool | None = None
    reason: str | None = None
    timings_ms: Timings
    frame_sha256: str
    truth: str | None = None
    error: Failure | None = None

    @property
    def message_id(self) -> str:
        """The frame's + `.p.` + 8 digits of the model's sha256."""
        return f"{self.frame_id}.p.{self.model.sha256[:8]}"

    def encode(self, traceparent: str) -> Outgoing:
        raise NotImplementedError

    @classmethod
    def decode(cls, message: Incoming) -> Prediction:
        raise NotImplementedError
