"""The camera's settings, from environment and twin alike (`FPS` and `fps`, `MAXIMUM_SIDE` and `maximumSide`)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from camera.sources.spec import SourceSpec, parse_spec
from module_kit.inbox import Overflow
from module_kit.settings import ModuleSettings


class Format(StrEnum):
    """How pictures travel."""

    AUTO = "auto"
    PNG = "png"
    JPEG = "jpeg"


class OverflowChoice(StrEnum):
    """What happens when pictures come faster than they go."""

    AUTO = "auto"
    WAIT = "wait"
    DROP_OLDEST = "drop_oldest"


Share = Annotated[float, Field(ge=0, le=1)]


class CameraSettings(ModuleSettings):
    """All of them can be changed live through the twin."""

    source: str = Field(
        default="sample:",
        max_length=2048,
        description="Where pictures come from: camera:N, rtsp://..., mqtt://HOST/TOPIC, video:PATH, folder:PATH, "
        "cifar10:PATH or sample: (see the camera's README).",
    )
    source_name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_-]{0,32}$",
        description="Name of the source in every frame; empty: made of the SPEC.",
    )
    fps: float | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="Frames per second at most; 0: as fast as credits allow; not set: the source's own pace.",
    )
    frames: int = Field(default=0, ge=0, description="Stop after so many frames; 0: never.")
    loop: bool = Field(
        default=False, description="Begin again when a video, folder or data set is at its end."
    )
    format: Format = Field(
        default=Format.AUTO,
        description="auto: files travel as they are, raw pixels as PNG (as JPEG when jpegQuality is set).",
    )
    jpeg_quality: int = Field(default=0, ge=0, le=100, description="JPEG quality 1 to 100; 0: not set.")
    maximum_side: int = Field(
        default=0, ge=0, le=16384, description="Longer side of a frame at most, in pixels; 0: no limit."
    )
    region: list[Share] = Field(
        default_factory=list,
        description="Part of the picture to send: left, top, right, bottom as shares of 0 to 1; empty: all of it.",
    )
    overflow: OverflowChoice = Field(
        default=OverflowChoice.AUTO, description="auto: drop_oldest for live sources, wait for files."
    )
    scene_seconds: float = Field(
        default=4.0, gt=0, le=3600, description="How long each scene of sample: is held, in seconds."
    )
    silence_seconds: float = Field(
        default=4.0,
        ge=0.5,
        le=86400,
        description="A live source that gives no picture for so many seconds is reopened.",
    )
    frozen_after: int = Field(
        default=50,
        ge=0,
        le=100_000,
        description="So many identical pictures of a live source are reported; 0: never.",
    )
    cache_folder: str = Field(
        default="~/.cache/edge-vision", min_length=1, description="Where cifar10: keeps what it downloads."
    )
    cifar10_url: str = Field(
        default="", description="Where cifar10: downloads from; empty: the official site."
    )
    cifar10_md5: str = Field(
        default="",
        pattern=r"^([0-9A-Fa-f]{32})?$",
        description="MD5 of what CIFAR10_URL gives; empty: that of the official archive.",
    )

    @field_validator("source")
    @classmethod
    def _known_source(cls, value: str) -> str:
        parse_spec(value)
        return value

    @field_validator("region")
    @classmethod
    def _sound_region(cls, value: list[float]) -> list[float]:
        if value and (
            len(value) != 4 or not (0 <= value[0] < value[2] <= 1 and 0 <= value[1] < value[3] <= 1)
        ):
            raise ValueError(
                "expected left, top, right, bottom with 0 <= left < right <= 1, 0 <= top < bottom <= 1"
            )
        return value

    @field_validator("cifar10_url")
    @classmethod
    def _web_url(cls, value: str) -> str:
        if value and not re.match(r"https?://[^/]", value):
            raise ValueError("expected an http or https URL")
        return value

    @property
    def spec(self) -> SourceSpec:
        return parse_spec(self.source)

    @property
    def name(self) -> str:
        """The frames' `source`."""
        return self.source_name or self.spec.name

    @property
    def overflow_policy(self) -> Overflow:
        if self.overflow is OverflowChoice.AUTO:
            return Overflow.DROP_OLDEST if self.spec.live else Overflow.WAIT
        return Overflow(self.overflow.value)


RESTARTING = (
    "source", "source_name", "frames", "loop", "overflow", "scene_seconds",
    "cache_folder", "cifar10_url", "cifar10_md5",
)  # fmt: skip
"""A change of one of these opens the source anew; all others act on the next frame."""


def needs_restart(old: CameraSettings, new: CameraSettings) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in RESTARTING)
