"""Random changes of the training images, drawn anew for each epoch from (seed, epoch)."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.dataset import Images, Indices
from training.settings import Augmentation

GREY = 127

Targets = npt.NDArray[np.float32]
"""One share a class: (n, classes)."""


def augment(images: Images, settings: Augmentation, draw: np.random.Generator) -> Images:
    """A changed copy of `images`, uint8 (n, 32, 32, 3), in the same order.

    The changes come in the order in which a camera makes them: light, blur, JPEG, then what part is seen.
    """
    out = images.copy()
    if settings.brightness:
        out = _brighten(out, settings.brightness, draw)
    if settings.blur_fraction:
        chosen = _some(len(out), settings.blur_fraction, draw)
        out[chosen] = _blur(out[chosen])
    if settings.jpeg_fraction:
        # before the shift: a camera's blocks begin at the picture's corner, wherever the object is
        chosen = _some(len(out), settings.jpeg_fraction, draw)
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
    if settings.cutout_pixels:
        _cut_out(out, settings.cutout_pixels, draw)
    return out


def _some(count: int, fraction: float, draw: np.random.Generator) -> Indices:
    return np.flatnonzero(draw.random(count) < fraction)


def recompress(image: npt.NDArray[np.uint8], quality: int, subsampling: int) -> npt.NDArray[np.uint8]:
    """One image, uint8 (height, width, 3), after JPEG; `subsampling` as of `encode_jpeg`."""
    with Image.open(io.BytesIO(encode_jpeg(image, quality, subsampling))) as decoded:
        pixels: npt.NDArray[np.uint8] = np.array(decoded.convert("RGB"), np.uint8)
    return pixels


def encode_jpeg(image: npt.NDArray[np.uint8], quality: int, subsampling: int) -> bytes:
    """One image, uint8 (height, width, 3), as a JPEG file; `subsampling` 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()


def _shift(images: Images, largest: int, draw: np.random.Generator) -> Images:
    """Each image moved by up to `largest` pixels each way; what comes in repeats the edge."""
    count, side = images.shape[:2]
    positions = np.arange(side)
    rows = np.clip(positions + draw.integers(-largest, largest, (count, 1), endpoint=True), 0, side - 1)
    columns = np.clip(positions + draw.integers(-largest, largest, (count, 1), endpoint=True), 0, side - 1)
    moved: Images = images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved


def _brighten(images: Images, largest: float, draw: np.random.Generator) -> Images:
    """Each image times a factor within 1 - `largest` .. 1 + `largest`, by a table of the 256 levels."""
    factors = draw.uniform(1 - largest, 1 + largest, len(images))
    levels = np.clip(np.rint(factors[:, None] * np.arange(256)), 0, 255).astype(np.uint8)
    bright: Images = levels[np.arange(len(images))[:, None, None, None], images]
    return bright


def _blur(images: Images) -> Images:
    """Each pixel with its neighbours, weighted 1 2 1 both ways; the edge repeats."""
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge").astype(np.uint16)
    rows = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    both = rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    blurred: Images = ((both + 8) // 16).astype(np.uint8)
    return blurred


def _cut_out(images: Images, pixels: int, draw: np.random.Generator) -> None:
    """Grey out one square an image, in place; its centre lies anywhere, so its edge may be outside."""
    count, side = images.shape[:2]
    positions = np.arange(side)
    hidden = []
    for _ in range(2):
        first = draw.integers(0, side, (count, 1)) - pixels // 2
        hidden.append((positions >= first) & (positions < first + pixels))
    images[hidden[0][:, :, None] & hidden[1][:, None, :]] = GREY


def cut_mix(
    images: Images, targets: Targets, fraction: float, draw: np.random.Generator
) -> tuple[Images, Targets]:
    """Paste a rectangle of another image into a share of `images`, and give its label the rectangle's share.

    Yun et al., "CutMix", 2019: the area is uniform, which is their beta distribution at 1, and the centre lies
    anywhere, so the rectangle may be cut at the edge and its label's share with it.

    Args:
        images: uint8 (n, height, width, 3), after `augment`.
        targets: (n, classes), one share a class.
        fraction: how many of the images.
        draw: where chance comes from.

    Returns:
        Copies of both.
    """
    out, mixed = images.copy(), targets.copy()
    chosen = _some(len(images), fraction, draw)
    others = draw.permutation(len(images))[: len(chosen)]
    height, width = images.shape[1:3]
    sides = np.sqrt(draw.random(len(chosen)))[:, None]
    rows = _span(height, sides, draw)
    columns = _span(width, sides, draw)
    pasted = rows[:, :, None] & columns[:, None, :]
    out[chosen] = np.where(pasted[..., None], images[others], images[chosen])
    share = pasted.mean(axis=(1, 2), dtype=np.float32)[:, None]
    mixed[chosen] = (1 - share) * targets[chosen] + share * targets[others]
    return out, mixed


def _span(length: int, side: npt.NDArray[np.float64], draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """For each image which of `length` positions lie within a stretch of `side` (n, 1), a part of `length`."""
    centre = draw.integers(0, length, side.shape)
    first = centre - np.rint(side * length).astype(int) // 2
    positions = np.arange(length)
    inside: npt.NDArray[np.bool_] = (positions >= first) & (positions < first + np.rint(side * length))
    return inside
