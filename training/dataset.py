"""Labelled 32x32 images in memory, and the one error that every loader raises."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

SIDE = 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""The names of `batches.meta`, in the order of the labels 0..9."""

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]


def unit_range(pixels: Any) -> Any:
    """Real pixels 0..255, a NumPy array or a TensorFlow tensor -> 0..1, which is what the networks here take."""
    return pixels / 255


class DatasetError(Exception):
    """Training data that cannot be read; the message names the file, the place in it and the mend."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(f"{path}: {problem}")


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """`images`: uint8 (n, 32, 32, 3), RGB; `labels`: uint8 (n,), indices into `CLASSES`."""

    images: Images
    labels: Labels

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.images.shape != (n, SIDE, SIDE, 3) or self.images.dtype != np.uint8:
            raise ValueError(f"expected uint8 ({n}, 32, 32, 3), got {self.images.dtype} {self.images.shape}")
        if self.labels.shape != (n,) or (n and int(self.labels.max()) >= len(CLASSES)):
            raise ValueError(f"expected labels 0..9 of shape ({n},), got shape {self.labels.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Indices) -> Self:
        return type(self)(self.images[indices], self.labels[indices])

    def fingerprint(self) -> str:
        """sha256 over pixels and labels, in order: two runs with the same one saw the same data."""
        digest = hashlib.sha256(self.images.tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()


def concatenate(parts: Sequence[LabelledImages]) -> LabelledImages:
    return LabelledImages(
        np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts])
    )


def held_out(
    data: LabelledImages, fractions: npt.NDArray[np.float64] | float, seed: int
) -> tuple[Indices, Indices]:
    """Indices of the kept and of the held-out images.

    Args:
        data: the images to divide.
        fractions: the share to hold out, of all images or of those with the same value: (n,). Of each class the
            same share is held out.
        seed: the same one draws the same images.
    """
    draw = np.random.default_rng(seed)
    share = np.broadcast_to(fractions, len(data))
    chosen = []
    for fraction in np.unique(share):
        for label in range(len(CLASSES)):
            members = np.flatnonzero((data.labels == label) & (share == fraction))
            chosen.append(draw.permutation(members)[: round(len(members) * fraction)])
    out = np.sort(np.concatenate(chosen))
    return np.setdiff1d(np.arange(len(data)), out), out
