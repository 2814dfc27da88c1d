"""The filter's settings. README.md lists them; a test compares the two."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from module_kit.settings import ModuleSettings
from results_filter.broker import BrokerAddress

Probability = Annotated[float, Field(ge=0, le=1)]
Label = Annotated[str, Field(min_length=1, max_length=64)]


class FilterSettings(ModuleSettings):
    """Seconds of events (duration, cool-down, updates) are of the frames' `capturedAt`, all others of the wall."""

    threshold: Probability = Field(default=0.5, description="Least probability of a result that counts.")
    thresholds: dict[Label, Probability] = Field(
        default={},
        max_length=1000,
        description="Least probability by label, where it differs from `threshold`.",
    )
    include: list[Label] = Field(
        default=[], max_length=1000, description="Labels that may give events; empty: all."
    )
    exclude: list[Label] = Field(default=[], max_length=1000, description="Labels that give no events.")
    smoothing_needed: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Results (N) of the last M that must show a label for it to hold.",
    )
    smoothing_window: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Results (M) that are looked at; frames without a result do not count.",
    )
    minimum_duration_seconds: float = Field(
        default=0.5, ge=0, le=3600, description="Seconds that a label must hold before its start is sent."
    )
    cooldown_seconds: float = Field(
        default=10,
        ge=0,
        le=86400,
        description="Seconds after an event of a label was sent without a new start of it.",
    )
    update_seconds: float = Field(
        default=60, ge=0, le=86400, description="Seconds between updates while a label holds; 0: no updates."
    )
    stale_seconds: float = Field(
        default=10,
        ge=0.5,
        le=3600,
        description="Seconds without any result after which a source's events end.",
    )
    upstream_messages_per_day: int = Field(
        default=6000, ge=0, le=100_000_000, description="Metered messages a day (UTC) that may go upstream."
    )
    upstream_burst: int = Field(
        default=600,
        ge=20,
        le=100_000_000,
        description="Metered messages that may go at once after a quiet time; an event and its end cost 4 to 6.",
    )
    meter_block_bytes: Literal[512, 4096] = Field(
        default=512, description="Bytes that IoT Hub meters as one message: 512 on the free tier, else 4096."
    )
    predictions_upstream: Literal["off", "sampled", "all"] = Field(
        default="off", description="Plain predictions that go upstream too, within the same budget."
    )
    sample_every: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Of how many predictions one goes upstream when `sampled`.",
    )
    summary_seconds: float = Field(
        default=300, ge=1, le=86400, description="Seconds between summaries; one more is sent at the stop."
    )
    duplicates_remembered: int = Field(
        default=4096,
        ge=1,
        le=1_000_000,
        description="Message ids that are remembered to drop a second delivery.",
    )
    local_sink: str = Field(
        default="",
        max_length=1024,
        description="Broker that gets every event as JSON: mqtt://USER:PASSWORD@HOST:PORT/TOPIC; empty: none.",
    )

    @field_validator("local_sink")
    @classmethod
    def _a_broker(cls, url: str) -> str:
        if url:
            BrokerAddress.parse(url)
        return url

    @model_validator(mode="after")
    def _window_holds_what_is_needed(self) -> Self:
        if self.smoothing_needed > self.smoothing_window:
            raise ValueError(
                f"smoothingNeeded ({self.smoothing_needed}) is more than smoothingWindow ({self.smoothing_window})"
            )
        return self
