"""Labelled pictures to measure a bundle with: official CIFAR-10 records or class folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from image_classifier.errors import ImageClassifierError
from image_classifier.preprocess import Pixels

RECORD_SIDE = 32
RECORD_BYTES = 1 + 3 * RECORD_SIDE * RECORD_SIDE
_SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))


class DataSetError(ImageClassifierError):
    """A data set that cannot be read; names the file and what was expected."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture, encoded (`bytes`) or as RGB uint8 (height, width, 3), and the number of its label."""

    picture: bytes | Pixels
    label: int
    origin: str


def read_records(path: Path, labels: tuple[str, ...]) -> Iterator[Labelled]:
    """The official CIFAR-10 binary layout: a label byte, then 32 x 32 bytes each of red, green and blue.

    The label's number counts in the order of `labels`. Reads one record at a time.

    Raises:
        DataSetError: not a whole number of records, or a label that the bundle does not have.
    """
    try:
        size = path.stat().st_size
        file = path.open("rb")
    except OSError as error:
        raise DataSetError(f"{path}: cannot be read: {error.strerror}") from None
    with file:
        if size == 0 or size % RECORD_BYTES:
            raise DataSetError(
                f"{path}: {size} bytes are not a whole number of records of {RECORD_BYTES} bytes"
            )
        for number in range(size // RECORD_BYTES):
            record = np.frombuffer(file.read(RECORD_BYTES), np.uint8)
            label = int(record[0])
            if label >= len(labels):
                raise DataSetError(
                    f"{path}: record {number} has label {label}; the bundle has {len(labels)} labels"
                )
            planes = record[1:].reshape(3, RECORD_SIDE, RECORD_SIDE)
            yield Labelled(np.ascontiguousarray(planes.transpose(1, 2, 0)), label, f"{path}#{number}")


def read_folder(path: Path, labels: tuple[str, ...]) -> Iterator[Labelled]:
    """JPEG and PNG files in folders that are named like labels; in the order of folders and files.

    Raises:
        DataSetError: no such folder, none of its folders is a label, or one of them is not.
    """
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else []
    unknown = [folder.name for folder in folders if folder.name not in labels]
    if not folders or unknown:
        found = f"folder {unknown[0]!r}" if unknown else "none"
        raise DataSetError(
            f"{path}: expected folders named like the labels ({', '.join(labels)}), found {found}"
        )
    for folder in folders:
        label = labels.index(folder.name)
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() in _SUFFIXES:
                yield Labelled(file.read_bytes(), label, str(file))
