"""Labelled pictures to measure a bundle with: official CIFAR-10 records or class folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from image_classifier.errors import ImageClassifierError
from image_classifier.preprocess import Picture, Pixels

RECORD_SIDE = 32
RECORD_BYTES = 1 + 3 * RECORD_SIDE * RECORD_SIDE
PICTURE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))


class DataSetError(ImageClassifierError):
    """A data set that cannot be read; names the file and what was expected."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture, the number of its label, and where it comes from."""

    picture: Picture
    label: int
    origin: str


class LabelledPictures(Protocol):
    """Pictures that are read one by one, and how many there are."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Labelled]: ...


def record_pixels(raw: bytes) -> Pixels:
    """The picture of one record of `RECORD_BYTES`: RGB, uint8 (32, 32, 3)."""
    planes = np.frombuffer(raw, np.uint8, offset=1).reshape(3, RECORD_SIDE, RECORD_SIDE)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


@dataclass(frozen=True, slots=True)
class _Records:
    path: Path
    labels: tuple[str, ...]
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Labelled]:
        with self.path.open("rb") as file:
            for number in range(self.count):
                yield self._parse(file.read(RECORD_BYTES), number)

    def _parse(self, raw: bytes, number: int) -> Labelled:
        if len(raw) < RECORD_BYTES:
            raise DataSetError(f"{self.path}: ends within record {number}; it was longer when it was opened")
        label = raw[0]
        if label >= len(self.labels):
            raise DataSetError(
                f"{self.path}: record {number} has label {label}; the bundle has {len(self.labels)} labels"
            )
        return Labelled(record_pixels(raw), label, f"{self.path}#{number}")


@dataclass(frozen=True, slots=True)
class _Files:
    files: tuple[tuple[Path, int], ...]

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Labelled]:
        for file, label in self.files:
            try:
                content = file.read_bytes()
            except OSError as error:
                raise DataSetError(f"{file}: cannot be read: {error.strerror}") from None
            yield Labelled(content, label, str(file))


def read_records(path: Path, labels: tuple[str, ...]) -> LabelledPictures:
    """The official CIFAR-10 binary layout: a label byte, then 32 x 32 bytes each of red, green and blue.

    The label's number counts in the order of `labels`. Reads one record at a time.

    Raises:
        DataSetError: not a whole number of records; when it is read, a label that the bundle does not have.
    """
    try:
        if path.is_dir():
            raise DataSetError(f"{path}: is a folder; its pictures are measured with --folder")
        size = path.stat().st_size
        path.open("rb").close()
    except OSError as error:
        raise DataSetError(f"{path}: cannot be read: {error.strerror}") from None
    if size == 0 or size % RECORD_BYTES:
        raise DataSetError(f"{path}: {size} bytes are not a whole number of records of {RECORD_BYTES} bytes")
    return _Records(path, labels, size // RECORD_BYTES)


def read_folder(path: Path, labels: tuple[str, ...]) -> LabelledPictures:
    """JPEG and PNG files in folders that are named like labels; in the order of folders and files.

    Raises:
        DataSetError: no such folder, none of its folders is a label, or one of them is not.
    """
    try:
        folders = sorted(entry for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else []
        unknown = [folder.name for folder in folders if folder.name not in labels]
        if not folders or unknown:
            found = f"folder {unknown[0]!r}" if unknown else "none"
            raise DataSetError(
                f"{path}: expected folders named like the labels ({', '.join(labels)}), found {found}"
            )
        return _Files(
            tuple(
                (file, labels.index(folder.name))
                for folder in folders
                for file in sorted(folder.iterdir())
                if file.suffix.lower() in PICTURE_SUFFIXES
            )
        )
    except OSError as error:
        raise DataSetError(f"{error.filename or path}: cannot be read: {error.strerror}") from None
