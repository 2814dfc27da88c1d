"""The training's way from a picture to the reals that a network takes, made comparable with the int8 model's tensor."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from image_classifier.bundle import InputSpec
from image_classifier.labelled import Labelled
from training.dataset import CLASSES, Images
from training.layouts import read_images


class PictureTree:
    """Pictures as the training's loader sees files (`training.filetree.FileTree`)."""

    origin = Path("pictures")

    def __init__(self, pictures: list[Labelled]) -> None:
        self._files = {
            PurePosixPath("test", CLASSES[one.label], f"{number:06}.jpg"): one.picture
            for number, one in enumerate(pictures)
            if isinstance(one.picture, bytes)
        }
        self.names = tuple(self._files)

    def read(self, name: PurePosixPath) -> bytes:
        return self._files[name]


def training_pixels(pictures: list[Labelled]) -> Images:
    """The pictures as the training has them in memory: uint8 (n, 32, 32, 3)."""
    decoded = read_images(PictureTree(pictures), "test")
    if decoded is not None:
        return decoded.images
    return np.stack([one.picture for one in pictures if not isinstance(one.picture, bytes)])


def to_tensor(reals: npt.NDArray[np.float32], spec: InputSpec) -> npt.NDArray[np.int8]:
    """What the int8 model's own scale makes of the float model's input, (1, height, width, 3)."""
    steps = np.rint(reals / np.float32(spec.quantization.scale)) + spec.quantization.zero_point
    tensor: npt.NDArray[np.int8] = steps.clip(-128, 127).astype(np.int8)[None]
    return tensor
