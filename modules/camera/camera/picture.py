"""What a source gives: one picture, as the file that it was or as raw pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class ImageFile:
    """A JPEG or PNG file, byte for byte as its source gave it.

    Attributes:
        body: the file's bytes; the source has looked at its first bytes only.
        label: the class's name when the source knows the truth.
        captured_at: seconds since the epoch; None when the source has no clock (files: the moment of sending).
    """

    body: bytes
    label: str | None = None
    captured_at: float | None = None


@dataclass(slots=True, frozen=True)
class Pixels:
    """Raw pixels that no codec has touched yet.

    Attributes:
        rgb: uint8 (height, width, 3), row-major, red first.
        label, captured_at: as for `ImageFile`.
    """

    rgb: bytes
    width: int
    height: int
    label: str | None = None
    captured_at: float | None = None

    def __post_init__(self) -> None:
        expected = self.width * self.height * 3
        if len(self.rgb) != expected:
            raise ValueError(f"{self.width}x{self.height} pixels need {expected} bytes, got {len(self.rgb)}")


Picture = ImageFile | Pixels
