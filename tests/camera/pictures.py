"""Pictures and data sets made for the tests."""

from __future__ import annotations

import io
import random
import struct
import tarfile
from pathlib import Path

from PIL import Image

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
PLANE = 32 * 32


def noise(width: int, height: int, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """An image that compresses badly."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(seed).randbytes(width * height * channels))  # noqa: S311


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(seed: int = 0, side: int = 32) -> bytes:
    return saved(noise(side, side, seed))


def png(seed: int = 0, side: int = 32) -> bytes:
    return saved(noise(side, side, seed), "PNG")


def record(label: int, seed: int) -> bytes:
    """One record of the official binary layout."""
    return bytes([label]) + random.Random(seed).randbytes(3 * PLANE)  # noqa: S311


def rgb_of(record_bytes: bytes) -> bytes:
    """The record's pixels, interleaved, by another way than the source's."""
    planes = [record_bytes[1 + i * PLANE : 1 + (i + 1) * PLANE] for i in range(3)]
    return bytes(value for pixel in zip(*planes, strict=True) for value in pixel)


def batches(records_each: int = 4) -> dict[str, list[bytes]]:
    """The official batches by stem, small."""
    stems = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]
    return {
        stem: [record((i * 7 + n) % 10, 100 * n + i) for i in range(records_each)]
        for n, stem in enumerate(stems)
    }


def binary_files() -> dict[str, bytes]:
    files = {f"{stem}.bin": b"".join(records) for stem, records in batches().items()}
    return {**files, "batches.meta.txt": ("\n".join(NAMES) + "\n\n").encode(), "readme.html": b"<html>"}


def python_files() -> dict[str, bytes]:
    """As Python 2 and NumPy wrote them in 2009: protocol 2, byte strings."""
    files = {stem: _batch_pickle(records) for stem, records in batches().items()}
    meta = {b"num_cases_per_batch": 10000, b"label_names": [n.encode() for n in NAMES], b"num_vis": 3072}
    return {**files, "batches.meta": _pickle(meta), "readme.html": b"<html>"}


def _batch_pickle(records: list[bytes]) -> bytes:
    return _pickle(
        {
            b"batch_label": b"testing batch 1 of 1",
            b"labels": [record_bytes[0] for record_bytes in records],
            b"data": Rows(b"".join(record_bytes[1:] for record_bytes in records), len(records)),
            b"filenames": [b"a_%d.png" % i for i in range(len(records))],
        }
    )


class Rows:
    """A uint8 array of `count` rows."""

    def __init__(self, raw: bytes, count: int) -> None:
        self.raw, self.count = raw, count


def _pickle(value: object) -> bytes:
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: object) -> bytes:  # noqa: PLR0911
    match value:
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            return b"J" + struct.pack("<i", value)
        case bytes():
            return b"T" + struct.pack("<i", len(value)) + value
        case list():
            return b"](" + b"".join(map(_opcodes, value)) + b"e"
        case tuple():
            return b"(" + b"".join(map(_opcodes, value)) + b"t"
        case dict():
            return b"}(" + b"".join(_opcodes(k) + _opcodes(v) for k, v in value.items()) + b"u"
        case None:
            return b"N"
        case Rows():
            made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _opcodes((0,)) + b"U\x01btR"
            dtype = (
                b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"
                + _opcodes((3, b"|", None, None, None, -1, -1, 0))
                + b"b"
            )
            shape = _opcodes((value.count, 3 * PLANE))
            return made + b"(K\x01" + shape + dtype + b"\x89" + _opcodes(value.raw) + b"tb"
    raise TypeError(type(value))


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(file: Path, folder: str, files: dict[str, bytes]) -> Path:
    """A .tar.gz; as in the official ones, the test batch comes late."""
    with tarfile.open(file, "w:gz") as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(files[name])
            archive.addfile(member, io.BytesIO(files[name]))
    return file
