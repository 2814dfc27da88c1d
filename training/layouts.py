"""The layouts in which CIFAR-10 is found: official binary, official python, folders of images.

Each function takes a tree of files and a split (`train` or `test`) and returns None where the tree has no
such layout. Order is the official one: batches by their number, images by their path.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from training.dataset import CLASSES, SIDE, DatasetError, LabelledImages, concatenate
from training.filetree import FileTree
from training.python_batches import parse_python_batch
from training.records import parse_records

Split = Literal["train", "test"]
_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def read_binary(tree: FileTree, split: Split) -> LabelledImages | None:
    """`data_batch_1.bin` .. `data_batch_5.bin`, `test_batch.bin`."""
    names = _batch_names(tree, [f"{name}.bin" for name in _BATCHES[split]])
    if names is None:
        return None
    return concatenate([parse_records(tree.read(name), tree.origin / name) for name in names])


def read_python(tree: FileTree, split: Split) -> LabelledImages | None:
    """`data_batch_1` .. `data_batch_5`, `test_batch`: pickles."""
    names = _batch_names(tree, _BATCHES[split])
    if names is None:
        return None
    return concatenate([parse_python_batch(tree.read(name), tree.origin / name) for name in names])


def read_images(tree: FileTree, split: Split) -> LabelledImages | None:
    """`SPLIT/CLASS/*.jpg` (or `.png`), 32x32."""
    names = image_names(tree, split)
    if not names:
        return None
    images = np.stack([_decode(tree, name) for name in names])
    labels = np.array([CLASSES.index(name.parent.name) for name in names], np.uint8)
    return LabelledImages(images, labels)


def image_names(tree: FileTree, split: Split) -> list[PurePosixPath]:
    """The paths of the pictures of a split, sorted; the folder above the class has the split's name."""
    return [
        name
        for name in tree.names
        if len(name.parts) >= 3
        and name.parts[-3] == split
        and name.parts[-2] in CLASSES
        and name.suffix.lower() in _IMAGE_SUFFIXES
    ]


LAYOUTS: dict[str, Callable[[FileTree, Split], LabelledImages | None]] = {
    "official binary batches": read_binary,
    "official python batches": read_python,
    "class folders of images": read_images,
}
"""By preference: a folder that holds the same images twice is read the fast way."""


def _batch_names(tree: FileTree, wanted: list[str]) -> list[PurePosixPath] | None:
    """The paths of all `wanted` files, which must lie in one folder; None where there is none of them."""
    folders = {name.parent for name in tree.names if name.name in wanted}
    if not folders:
        return None
    folder = min(folders)
    names = [folder / name for name in wanted]
    missing = [str(name) for name in names if name not in set(tree.names)]
    if missing:
        raise DatasetError(tree.origin, f"{', '.join(missing)} missing: the data set is not whole")
    return names


def _decode(tree: FileTree, name: PurePosixPath) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    path = tree.origin / name
    try:
        with Image.open(io.BytesIO(tree.read(name)), formats=("JPEG", "PNG")) as image:
            if image.size != (SIDE, SIDE):
                raise DatasetError(path, f"is {image.width}x{image.height}, expected {SIDE}x{SIDE}")
            return np.asarray(image.convert("RGB"), np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise DatasetError(path, f"not a whole JPEG or PNG ({error})") from None
