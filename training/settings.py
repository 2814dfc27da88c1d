"""What a bundle is trained with: one TOML file a bundle in `training/configs`."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

CONFIGS = Path(__file__).with_name("configs")

Fraction = Annotated[float, Field(ge=0, lt=1)]


class SettingsError(Exception):
    """A configuration that cannot be used; the message names the file, the key and what is expected."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Table):
    """Which network, and its dropout after each pair of convolutions and before the last layer."""

    architecture: Literal["seed"]
    convolution_dropout: Fraction = 0.0
    dense_dropout: Fraction = 0.0


class Fit(_Table):
    """Stochastic gradient descent with momentum; the rate rises to its peak and falls as a cosine to 0."""

    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(ge=1, le=65_536)
    peak_rate: float = Field(gt=0, le=10, description="learning rate after the warm-up")
    warm_up_epochs: float = Field(ge=0, default=1.0)
    momentum: Fraction = 0.9
    weight_decay: float = Field(ge=0, lt=1, default=0.0)
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


class Quantization(_Table):
    """Post-training quantization to int8: how many training images set the ranges."""

    representative_images: int = Field(ge=10, le=50_000, default=1_000)


class Settings(_Table):
    """Everything that decides what a training run yields, but for the data."""

    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    description: str = Field(min_length=1)
    seed: int = Field(ge=0, lt=2**32)
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)]
    margin: Annotated[float, Field(ge=0, le=1, description="the classifier abstains below this")]
    network: Network
    fit: Fit
    augmentation: Augmentation = Augmentation()
    quantization: Quantization = Quantization()

    def training_digest(self) -> str:
        """sha256 of the settings that decide the weights: a checkpoint of another digest is not resumed."""
        decisive = self.model_dump(
            mode="json", include={"seed", "validation_fraction", "network", "fit", "augmentation"}
        )
        del decisive["fit"]["threads"]
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
