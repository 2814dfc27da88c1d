"""The test split as it is to be measured: encoded files and original pixels apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.dataset import DatasetError, LabelledImages
from training.filetree import FileTree
from training.layouts import image_names, read_binary, read_images, read_python
from training.loading import trees
from training.twins import find_twins

COMPARED = 100
MIN_RMS_LEVELS = 2.0
"""Root mean square difference from its encoded twin, in levels of 0..255, from which an image counts as an original:
JPEG at quality 75 moves a pixel by some 5 levels, two decoders of the same file differ by less than one."""


@dataclass(frozen=True, slots=True)
class EvaluationSplit:
    """`files`: pictures' files as they are, with their classes; `originals`: official batches with original pixels.

    `decoded_batches` says that there are official batches, but that they are the files decoded.
    """

    files: list[tuple[bytes, str]]
    originals: LabelledImages | None
    decoded_batches: bool


def load_evaluation_split(path: Path) -> EvaluationSplit:
    """The test split of `path`, a folder, an archive or a folder that holds one.

    Raises:
        DatasetError: there is none, or a file of it is damaged.
    """
    found = list(trees(path))
    pictures = next((tree for tree in found if image_names(tree, "test")), None)
    files = [] if pictures is None else _files(pictures)
    batches = next(filter(None, (read_binary(tree, "test") for tree in found)), None)
    if batches is None:
        batches = next(filter(None, (read_python(tree, "test") for tree in found)), None)
    if batches is None and not files:
        raise DatasetError(
            path, "no CIFAR-10 test split there: neither test/airplane/*.jpg nor test_batch.bin"
        )
    if batches is None or pictures is None:
        return EvaluationSplit(files, batches, decoded_batches=False)
    encoded = read_images(pictures, "test")
    assert encoded is not None  # noqa: S101 - there are names
    decoded = not are_originals(batches, encoded)
    return EvaluationSplit(files, None if decoded else batches, decoded)


def are_originals(images: LabelledImages, encoded: LabelledImages) -> bool:
    """Whether images differ from the decoded files of the same pictures; some of them are compared."""
    sample = images.take(np.unique(np.linspace(0, len(images) - 1, COMPARED).astype(np.intp)))
    twins = find_twins(encoded, sample)
    seen = twins >= 0
    if not seen.any():
        return True
    difference = sample.images[seen].astype(np.float64) - encoded.images[twins[seen]]
    rms = np.sqrt((difference**2).mean(axis=(1, 2, 3)))
    return bool(np.median(rms) >= MIN_RMS_LEVELS)


def _files(tree: FileTree) -> list[tuple[bytes, str]]:
    return [(tree.read(name), name.parent.name) for name in image_names(tree, "test")]
