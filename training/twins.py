"""Training images that are there twice: once with their original pixels, once re-encoded as JPEG.

A lossless record carries no name, so its twin is found by its pixels: of the images of its class, the one
with the least squared distance, provided that it is far nearer than the second nearest. JPEG at quality 75
moves a pixel by some 5 levels, another photograph by some 60, so the two cannot be confused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.dataset import CLASSES, LabelledImages, concatenate

MAX_RMS_LEVELS = 25.0
"""Root mean square difference of two images, in levels of 0..255, up to which they can be twins."""
MIN_RATIO = 2.0
"""How many times farther (in mean square) the second nearest image must be."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The training set, with a flag for each image that has its original pixels."""

    data: LabelledImages
    lossless: npt.NDArray[np.bool_]
    replaced: int
    added: int


def replace_twins(encoded: LabelledImages, lossless: LabelledImages) -> Merged:
    """Put each lossless image in the place of its JPEG twin; add those without a twin at the end."""
    twins = find_twins(encoded, lossless)
    images = encoded.images.copy()
    flags = np.zeros(len(encoded), bool)
    found = twins >= 0
    images[twins[found]] = lossless.images[found]
    flags[twins[found]] = True
    rest = lossless.take(np.flatnonzero(~found))
    data = concatenate([LabelledImages(images, encoded.labels), rest])
    flags = np.concatenate([flags, np.ones(len(rest), bool)])
    return Merged(data, flags, int(found.sum()), len(rest))


def find_twins(encoded: LabelledImages, lossless: LabelledImages) -> npt.NDArray[np.intp]:
    """Index into `encoded` of each lossless image's twin, -1 where there is none."""
    twins = np.full(len(lossless), -1, np.intp)
    for label in range(len(CLASSES)):
        ours = np.flatnonzero(lossless.labels == label)
        theirs = np.flatnonzero(encoded.labels == label)
        if len(ours) and len(theirs):
            nearest = _nearest(lossless.images[ours], encoded.images[theirs])
            twins[ours] = np.where(nearest >= 0, theirs[nearest], -1)
    return twins


def _nearest(wanted: npt.NDArray[np.uint8], among: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Index of the only image of `among` that is near each of `wanted`, else -1."""
    a = wanted.reshape(len(wanted), -1).astype(np.float32)
    b = among.reshape(len(among), -1).astype(np.float32)
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * (a @ b.T)
    mean = np.maximum(squares / a.shape[1], 0)
    best = mean.argmin(1)
    rows = np.arange(len(a))
    first = mean[rows, best]
    mean[rows, best] = np.inf
    distinct = mean.min(1) >= MIN_RATIO * np.maximum(first, 1e-3)
    return np.where((first <= MAX_RMS_LEVELS**2) & distinct, best, -1)
