"""Random changes of the training images, drawn anew for each epoch from (seed, epoch)."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.dataset import Images
from training.settings import Augmentation


def augment(images: Images, settings: Augmentation, draw: np.random.Generator) -> Images:
    """A changed copy of `images`, uint8 (n, 32, 32, 3), in the same order."""
    out = images.copy()
    if settings.jpeg_fraction:
        # before the shift: a camera's blocks begin at the picture's corner, wherever the object is
        chosen = np.flatnonzero(draw.random(len(out)) < settings.jpeg_fraction)
        low, high = settings.jpeg_quality
        qualities = draw.integers(low, high, len(chosen), endpoint=True)
        subsamplings = draw.integers(0, 2, len(chosen), endpoint=True)
        for index, quality, subsampling in zip(chosen, qualities, subsamplings, strict=True):
            out[index] = recompress(out[index], int(quality), int(subsampling))
    if settings.flip:
        flipped = draw.random(len(out)) < 0.5
        out[flipped] = out[flipped, :, ::-1]
    if settings.shift_pixels:
        out = _shift(out, settings.shift_pixels, draw)
    return out


def recompress(image: npt.NDArray[np.uint8], quality: int, subsampling: int) -> npt.NDArray[np.uint8]:
    """One image, uint8 (height, width, 3), after JPEG; `subsampling` 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(buffer) as decoded:
        pixels: npt.NDArray[np.uint8] = np.array(decoded.convert("RGB"), np.uint8)
    return pixels


def _shift(images: Images, largest: int, draw: np.random.Generator) -> Images:
    """Each image moved by up to `largest` pixels each way; what comes in repeats the edge."""
    count, side = images.shape[:2]
    positions = np.arange(side)
    rows = np.clip(positions + draw.integers(-largest, largest, (count, 1), endpoint=True), 0, side - 1)
    columns = np.clip(positions + draw.integers(-largest, largest, (count, 1), endpoint=True), 0, side - 1)
    moved: Images = images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved
