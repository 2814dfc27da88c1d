"""CIFAR-10 for tests: pictures that are drawn at random, and the true ones where `CIFAR10_DIR` has them.

`CIFAR10_DIR` is a folder with `cifar10-jpeg.tar.xz` (`<split>/<class>/NNNN.jpg`) and `lossless-train-5085.bin.xz`, or
one where they are expanded to `images/`, `cifar-10-batches-bin/` and `lossless/`. Take the fixtures `cifar10_dir` and
`cifar10`, which skip the test without it. The project's own repository holds no picture of the data set.
"""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

from PIL import Image

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD_BYTES = 3073
ARCHIVE = "cifar10-jpeg.tar.xz"
BINARY = "cifar-10-batches-bin"


def write_cifar10(folder: Path, records: bytes) -> Path:
    """The official binary layout with these records as its test split; the folder that holds it."""
    batches = folder / BINARY
    batches.mkdir(parents=True)
    (batches / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n")
    (batches / "test_batch.bin").write_bytes(records)
    return folder


def random_records(count: int) -> bytes:
    """Noise with labels, the same at every call."""
    draw = random.Random(10)  # noqa: S311
    return b"".join(bytes([number % 10]) + draw.randbytes(RECORD_BYTES - 1) for number in range(count))


def true_records(place: Path, count: int) -> bytes:
    """`count` records of the test split, in an order that mixes the classes. Raises FileNotFoundError."""
    for binary in (place / BINARY / "test_batch.bin", place / "test_batch.bin"):
        if binary.is_file():
            return binary.read_bytes()[: count * RECORD_BYTES]
    files: list[tuple[int, bytes]] = []
    with tarfile.open(place / ARCHIVE, "r|xz") as archive:
        for member in archive:
            parts = member.name.removeprefix("./").split("/")
            if parts[0] != "test" and files:
                break
            file = archive.extractfile(member) if member.isfile() and parts[0] == "test" else None
            if file is not None:
                files.append((CLASSES.index(parts[1]), file.read()))
    random.Random(10).shuffle(files)  # noqa: S311
    return b"".join(bytes([label]) + _planes(jpeg) for label, jpeg in files[:count])


def _planes(jpeg: bytes) -> bytes:
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    return b"".join(band.tobytes() for band in image.split())
