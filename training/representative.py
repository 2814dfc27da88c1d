"""The pictures from which the ranges of an int8 model's activations are taken, and its agreement is measured on.

Quantization gives each activation the range that these pictures make it take: pictures unlike those of the later
use give wrong ranges, and a wrong range costs accuracy without any error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_classifier.bundle import InputSpec, Quantization
from image_classifier.errors import BadImageError
from image_classifier.preprocess import Pixels, Preprocessor
from training.dataset import DatasetError
from training.records import parse_records

LEAST = 10
"""Fewer leave some activation without its range."""
ADVISED = 100
MOST = 500
"""More were not measurably better, and each costs a float inference."""
_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Representative:
    """RGB pictures of the model's size, uint8 (height, width, 3) each; `bad` could not be decoded."""

    origin: str
    pixels: Sequence[Pixels]
    bad: int


def float_preprocessor(
    size: tuple[int, int],
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
    colour_order: str,
    resize_rule: str,
) -> Preprocessor:
    """The one preprocessing of the project, for a float model of `size` (height, width)."""
    spec = InputSpec(
        shape=(1, *size, 3),
        dtype="float32",
        quantization=Quantization(0.0, 0),
        colour_order=colour_order,
        resize_rule=resize_rule,
        interpolation="bilinear",
        mean=mean,
        standard_deviation=deviation,
    )
    return Preprocessor(spec)


def read_representative(path: Path, preprocessor: Preprocessor, most: int, seed: int) -> Representative:
    """Pictures drawn from a folder (all its sub-folders), or from a file of CIFAR-10 records.

    Raises:
        DatasetError: no such folder or file, or fewer than `LEAST` usable pictures in it.
    """
    if path.is_file():
        images = parse_records(path.read_bytes(), path).images
        drawn = [images[index] for index in _drawn(len(images), most, seed)]
        return _enough(path, [preprocessor.pixels(image) for image in drawn], 0)
    if not path.is_dir():
        raise DatasetError(path, "does not exist; --representative takes a folder of pictures or a .bin file")
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
    pixels, bad = [], 0
    for index in _drawn(len(files), most, seed):
        try:
            pixels.append(preprocessor.pixels(files[index].read_bytes()))
        except BadImageError:
            bad += 1
        except OSError as error:
            raise DatasetError(files[index], f"cannot be read: {error.strerror}") from None
    return _enough(path, pixels, bad)


def ranges(found: Representative, preprocessor: Preprocessor) -> Iterator[npt.NDArray[np.float32]]:
    """The model's inputs, float32 (1, height, width, 3): black and white, for the input's whole range, then all."""
    for level in (0, 255):
        yield preprocessor.quantize(np.full_like(found.pixels[0], level))
    for picture in found.pixels:
        yield preprocessor.quantize(picture)


def _drawn(count: int, most: int, seed: int) -> list[int]:
    draw = np.random.default_rng(seed)
    return sorted(int(index) for index in draw.permutation(count)[:most])


def _enough(path: Path, pixels: list[Pixels], bad: int) -> Representative:
    if len(pixels) < LEAST:
        unusable = f" ({bad} could not be decoded)" if bad else ""
        raise DatasetError(
            path,
            f"{len(pixels)} usable JPEG or PNG pictures{unusable}: at least {LEAST} are needed and {ADVISED} to "
            f"{MOST} advised, as the model will see them, to set the ranges of the int8 activations",
        )
    return Representative(str(path), pixels, bad)
