"""What a bundle is trained with: one TOML file a bundle in `training/configs`."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

CONFIGS = Path(__file__).with_name("configs")

Fraction = Annotated[float, Field(ge=0, lt=1)]


class SettingsError(Exception):
    """A configuration that cannot be used; the message names the file, the key and what is expected."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Table):
    """Which network: `seed` takes the dropouts, `residual` the stem, and a width and a depth for each stage."""

    architecture: Literal["seed", "residual"]
    convolution_dropout: Fraction = 0.0
    dense_dropout: Fraction = 0.0
    stem: Literal["strided", "pooled"] = Field(
        default="strided", description="how 32x32 becomes 16x16: in the first convolution, or after it"
    )
    stem_width: Annotated[int, Field(ge=1, le=1024)] = 64
    widths: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        default=(), max_length=5, description="channels of each stage, each at half the resolution before it"
    )
    blocks: tuple[Annotated[int, Field(ge=1, le=32)], ...] = Field(
        default=(), description="residual blocks of each stage"
    )

    @model_validator(mode="after")
    def _has_its_stages(self) -> Self:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"{len(self.widths)} widths but {len(self.blocks)} blocks: one of each per stage"
            )
        if (self.architecture == "residual") != bool(self.widths):
            raise ValueError("widths and blocks belong to the architecture residual, which needs them")
        return self


class Fit(_Table):
    """Stochastic gradient descent with momentum; the rate rises to its peak and falls as a cosine to 0."""

    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(ge=1, le=65_536)
    peak_rate: float = Field(gt=0, le=10, description="learning rate after the warm-up")
    warm_up_epochs: float = Field(ge=0, default=1.0)
    momentum: Fraction = 0.9
    weight_decay: float = Field(
        ge=0, lt=1, default=0.0, description="share of each weight lost per step, in units of the rate"
    )
    label_smoothing: Fraction = 0.0
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="bfloat16 counts only where the processor multiplies it"
    )
    threads: int = Field(ge=0, le=1024, default=0, description="0: as many as the machine has")


class Augmentation(_Table):
    """How each epoch's copy of the training images differs from the originals."""

    flip: bool = False
    shift_pixels: int = Field(ge=0, le=16, default=0, description="largest shift, each way; edges repeat")
    jpeg_fraction: float = Field(ge=0, le=1, default=0.0, description="share that is encoded as JPEG again")
    jpeg_quality: tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]] = (40, 95)
    blur_fraction: float = Field(ge=0, le=1, default=0.0, description="share that is blurred mildly")
    brightness: float = Field(ge=0, lt=1, default=0.0, description="largest relative change, either way")
    cutout_pixels: int = Field(ge=0, le=32, default=0, description="side of the square that is greyed out")
    cutmix_fraction: float = Field(
        ge=0,
        le=1,
        default=0.0,
        description="share that shows a rectangle of another image, and bears its label too",
    )


class Distillation(_Table):
    """A pupil learns a mixture of the labels and of what networks that were trained before answer."""

    teacher: str | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="name of a bundle whose training has left its checkpoints here; of several the answers' mean counts"
    )
    weight: float = Field(gt=0, le=1, default=0.7, description="the teacher's part in the mixture")

    @property
    def teachers(self) -> tuple[str, ...]:
        return (self.teacher,) if isinstance(self.teacher, str) else self.teacher


class Quantization(_Table):
    """Post-training quantization to int8: how many training images set the ranges."""

    representative_images: int = Field(ge=10, le=50_000, default=1_000)


class Settings(_Table):
    """Everything that decides what a training run yields, but for the data."""

    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    description: str = Field(min_length=1)
    seed: int = Field(ge=0, lt=2**32)
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)]
    lossless_validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] | None = Field(
        default=None, description="of the images with their original pixels; as of all where it is not given"
    )
    lossless_repeats: int = Field(
        default=1, ge=1, le=100, description="how often an epoch shows an image with its original pixels"
    )
    margin: Annotated[float, Field(ge=0, le=1, description="the classifier abstains below this")]
    begin_with: str | None = Field(
        default=None,
        description="name of a bundle whose training has left its checkpoints here, with the same network, seed and "
        "held-out images: its best weights are the first ones; random ones where it is not given",
    )
    network: Network
    fit: Fit
    augmentation: Augmentation = Augmentation()
    distillation: Distillation | None = None
    quantization: Quantization = Quantization()

    def training_digest(self) -> str:
        """sha256 of the settings that decide the weights: a checkpoint of another digest is not resumed."""
        decisive = self.model_dump(
            mode="json",
            exclude={"version", "description", "margin", "quantization"},
            # so that a setting which is new, and off by default, does not orphan older checkpoints
            exclude_defaults=True,
        )
        decisive["fit"].pop("threads", None)
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def load_settings(name_or_path: str) -> Settings:
    """Settings of a bundle by its name (`training/configs/NAME.toml`) or by the path of a TOML file.

    Raises:
        SettingsError: no such file, not TOML, or a key that is unknown, missing or out of range.
    """
    shipped = CONFIGS / f"{name_or_path}.toml"
    path = shipped if shipped.is_file() else Path(name_or_path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise SettingsError(f"{path}: {error.strerror}; the bundles with a configuration: {known}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    try:
        return Settings.model_validate(table)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (found {e['input']!r})" for e in error.errors()]
        raise SettingsError(f"{path}: " + "; ".join(lines)) from None
