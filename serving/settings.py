"""Settings: command line for what a start differs in, environment `SERVING_*` for limits, both validated whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from image_classifier.decoding import DecodeLimits
from serving.batching import BatchLimits
from serving.errors import ConfigurationError

PREFIX = "SERVING_"

_Count = Annotated[int, Field(ge=1)]
_Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
_SomeSeconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
"""Of what nothing could pass within none."""


class Settings(BaseModel):
    """Limits hold for each worker process. The variable of `body_bytes` is `SERVING_BODY_BYTES`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body_bytes: int = Field(
        default=16 << 20, ge=1024, le=1 << 30, description="Bytes of a request's body, at most."
    )
    buffered_bytes: int = Field(
        default=64 << 20,
        ge=1024,
        le=1 << 34,
        description="Bytes of all requests' bodies while they come, and of all pictures read from them, at most.",
    )
    json_values: int = Field(
        default=500_000,
        ge=1024,
        le=100_000_000,
        description="Values (texts, numbers, lists, objects) of a JSON document, at most.",
    )
    header_bytes: int = Field(
        default=32 << 10, ge=1024, le=1 << 20, description="Bytes of a request's head, at most."
    )
    connections: _Count = Field(
        default=384, description="Connections that are open at a time, at most; others wait for their place."
    )
    requests: _Count = Field(default=1024, description="Requests that are answered at a time, at most.")
    pictures: _Count = Field(default=1000, description="Pictures of one request, at most.")
    picture_bytes: int = Field(
        default=8 << 20, ge=64, le=1 << 30, description="Bytes of an encoded picture, at most."
    )
    picture_pixels: int = Field(
        default=12_000_000,
        ge=1024,
        le=100_000_000,
        description="Pixels of a picture held in memory, at most.",
    )
    batch: int = Field(default=8, ge=1, le=64, description="Pictures that are scored together, at most.")
    queue: _Count = Field(default=256, description="Pictures that wait to be scored, at most.")
    wait_s: _SomeSeconds = Field(
        default=0.25, description="Seconds that a picture waits to be scored, at most."
    )
    refusal_pause_s: _Seconds = Field(
        default=0.5,
        description="Seconds that an answer of 429 is held back, so that retries do not eat the processor.",
    )
    header_timeout_s: _SomeSeconds = Field(default=10, description="Seconds to receive a request's head.")
    body_timeout_s: _SomeSeconds = Field(default=30, description="Seconds to receive a request's body.")
    keep_alive_s: int = Field(
        default=75, ge=1, le=3600, description="Seconds that an idle connection stays open."
    )
    drain_delay_s: _Seconds = Field(
        default=2, description="Seconds that a worker goes on serving, but not ready, after SIGTERM."
    )
    drain_timeout_s: int = Field(
        default=20, ge=1, le=3600, description="Seconds that open requests get to end, after that."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of logs."
    )
    log_requests: Literal["all", "errors", "none"] = Field(
        default="errors",
        description="Requests that get a log line: all, those answered with 4xx or 5xx but 429, none.",
    )

    @model_validator(mode="after")
    def _a_batch_fits_the_queue(self) -> Self:
        if self.queue < self.batch:
            raise ValueError(f"SERVING_QUEUE must be at least SERVING_BATCH ({self.batch})")
        return self

    @property
    def batching(self) -> BatchLimits:
        return BatchLimits(self.batch, self.queue, self.wait_s)

    @property
    def decoding(self) -> DecodeLimits:
        return DecodeLimits(max_bytes=self.picture_bytes, max_pixels=self.picture_pixels)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings that `environment` gives; an empty variable counts as not set.

    Raises:
        ConfigurationError: one line for each variable that is unknown or out of range.
    """
    given: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value.strip()
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        lines = [
            f"{PREFIX}{str(problem['loc'][0]).upper()}: {problem['msg']}, found {problem['input']!r}"
            if problem["loc"]
            else problem["msg"]
            for problem in error.errors(include_url=False)
        ]
        raise ConfigurationError("\n".join(lines)) from None
