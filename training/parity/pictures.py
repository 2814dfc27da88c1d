"""The pictures that every runtime is asked: the test split as its files lie there, or its pixels."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from image_classifier.labelled import Labelled
from image_classifier.preprocess import Pixels
from training.dataset import CLASSES, Indices
from training.pictures import read_test_split


def read_pictures(data: Path, limit: int | None = None) -> list[Labelled]:
    """The test split's pictures in the order of their labels; `limit` of them, evenly spread, or all for None.

    Raises:
        DatasetError: there is no test split.
    """
    pictures, _ = read_test_split(data)
    pictures.sort(key=lambda one: one.label)
    return [pictures[index] for index in spread(len(pictures), limit)]


def spread(n: int, limit: int | None) -> Indices:
    """`limit` of 0..n-1, evenly spread and ascending; all where there are no more, or for None."""
    return np.linspace(0, n - 1, n if limit is None else min(n, limit)).round().astype(np.intp)


def pack(pictures: list[Labelled], archive: tarfile.TarFile, folder: PurePosixPath) -> None:
    """Put the pictures below `folder` so that `read_pictures(folder)` gives them in this order; pixels as PNG."""
    for number, one in enumerate(pictures):
        raw = one.picture if isinstance(one.picture, bytes) else _png(one.picture)
        suffix = _suffix(raw)
        place = folder / "test" / CLASSES[one.label] / f"{number:06}.{suffix}"
        add_file(archive, place, raw)


def add_file(archive: tarfile.TarFile, place: PurePosixPath, content: bytes) -> None:
    """One file that everybody may read."""
    entry = tarfile.TarInfo(str(place))
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))


def _suffix(raw: bytes) -> str:
    return "png" if raw.startswith(b"\x89PNG") else "jpg"


def _png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
