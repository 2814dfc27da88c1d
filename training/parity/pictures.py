"""The pictures that every runtime is asked: the test split as its files lie there, or its pixels."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.dataset import CLASSES, Indices
from training.loading import encoded_images, load_split


@dataclass(frozen=True, slots=True)
class Picture:
    """A file's bytes, or RGB uint8 (height, width, 3), and the number of its label."""

    content: bytes | npt.NDArray[np.uint8]
    label: int


def read_pictures(data: Path, limit: int | None = None) -> list[Picture]:
    """The test split's pictures in the order of their labels; `limit` of them, evenly spread, or all for None.

    Raises:
        DatasetError: there is no test split.
    """
    files = [Picture(raw, CLASSES.index(name)) for raw, name in encoded_images(data, "test")]
    if not files:
        split, _ = load_split(data, "test")
        files = [Picture(image, int(label)) for image, label in zip(split.images, split.labels, strict=True)]
    files.sort(key=lambda picture: picture.label)
    return [files[index] for index in spread(len(files), limit)]


def spread(n: int, limit: int | None) -> Indices:
    """`limit` of 0..n-1, evenly spread and ascending; all where there are no more, or for None."""
    return np.linspace(0, n - 1, n if limit is None else min(n, limit)).round().astype(np.intp)


def pack(pictures: list[Picture], archive: tarfile.TarFile, folder: PurePosixPath) -> None:
    """Put the pictures below `folder` so that `read_pictures(folder)` gives them in this order; pixels as PNG."""
    for number, picture in enumerate(pictures):
        content = picture.content
        raw, suffix = (content, _suffix(content)) if isinstance(content, bytes) else (_png(content), "png")
        place = folder / "test" / CLASSES[picture.label] / f"{number:06}.{suffix}"
        add_file(archive, place, raw)


def add_file(archive: tarfile.TarFile, place: PurePosixPath, content: bytes) -> None:
    """One file that everybody may read."""
    entry = tarfile.TarInfo(str(place))
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))


def _suffix(raw: bytes) -> str:
    return "png" if raw.startswith(b"\x89PNG") else "jpg"


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
