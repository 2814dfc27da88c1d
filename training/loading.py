"""CIFAR-10 from a path, whatever its layout, with lossless records where they lie beside it."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from training.dataset import DatasetError, LabelledImages, concatenate
from training.filetree import ARCHIVE_SUFFIXES, ArchiveTree, FileTree, FolderTree
from training.layouts import LAYOUTS, Split, image_names
from training.records import parse_records
from training.twins import Merged, replace_twins


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """The training split; `lossless` flags the images that have their original pixels for certain."""

    data: LabelledImages
    lossless: npt.NDArray[np.bool_]
    description: str


def load_training(path: Path) -> TrainingSet:
    """The training split of `path`, lossless records in the place of their twins.

    Raises:
        DatasetError: no layout is recognised, or a file of it is damaged.
    """
    data, layout = load_split(path, "train")
    lossless = load_lossless(path)
    if lossless is None:
        return TrainingSet(data, np.zeros(len(data), bool), f"CIFAR-10 train, {len(data)} images ({layout})")
    merged: Merged = replace_twins(data, lossless)
    return TrainingSet(
        merged.data,
        merged.lossless,
        f"CIFAR-10 train, {len(merged.data)} images ({layout}), "
        f"{int(merged.lossless.sum())} of them lossless "
        f"({merged.replaced} in the place of their JPEG twin, {merged.added} added)",
    )


def load_split(path: Path, split: Split) -> tuple[LabelledImages, str]:
    """Images of a split and the name of the layout; `path` is a folder, an archive or holds one."""
    for tree in trees(path):
        for layout, read in LAYOUTS.items():
            data = read(tree, split)
            if data is not None:
                return data, layout
    raise DatasetError(
        path,
        f"no CIFAR-10 {split} split there: expected data_batch_1.bin or data_batch_1, "
        f"{split}/airplane/*.jpg, or an archive of these ({', '.join(ARCHIVE_SUFFIXES)})",
    )


def load_lossless(path: Path) -> LabelledImages | None:
    """Original pixels beside the data set: `lossless*.bin` or `lossless/*.bin`, each also as `.bin.xz`."""
    if not path.is_dir():
        return None
    tree = FolderTree(path)
    names = [name for name in tree.names if _is_lossless(name)]
    if not names:
        return None
    return concatenate([parse_records(_unpacked(tree, name), path / name) for name in names])


def encoded_images(path: Path, split: Split) -> Iterator[tuple[bytes, str]]:
    """Each picture's file as it is, with its class; nothing where the data set has no pictures."""
    for tree in trees(path):
        names = image_names(tree, split)
        if names:
            yield from ((tree.read(name), name.parent.name) for name in names)
            return


def trees(path: Path) -> Iterator[FileTree]:
    """The folder itself, then the archives that lie in it; or the one archive."""
    if path.is_dir():
        yield FolderTree(path)
        yield from (ArchiveTree(p) for p in sorted(path.iterdir()) if p.name.endswith(ARCHIVE_SUFFIXES))
    elif path.is_file():
        yield ArchiveTree(path)
    else:
        raise DatasetError(path, "does not exist; give --data or set CIFAR10_DIR")


def _is_lossless(name: PurePosixPath) -> bool:
    of_records = name.name.endswith((".bin", ".bin.xz"))
    return of_records and (name.name.startswith("lossless") or name.parent.name == "lossless")


def _unpacked(tree: FileTree, name: PurePosixPath) -> bytes:
    raw = tree.read(name)
    if name.suffix != ".xz":
        return raw
    try:
        return lzma.decompress(raw)
    except lzma.LZMAError as error:
        raise DatasetError(tree.origin / name, f"not a whole xz file ({error}): fetch it again") from None
