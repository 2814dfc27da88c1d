"""The two forms of `CIFAR10_DIR` give the same kind of pictures."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from PIL import Image

from tests.data import ARCHIVE, CLASSES, RECORD_BYTES, random_records, true_records, write_cifar10


def _jpeg(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _pack(folder: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(folder / ARCHIVE, "w:xz") as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))


def test_the_archive_becomes_records_of_its_test_split(tmp_path: Path) -> None:
    colours = {name: (20 * number, 0, 200) for number, name in enumerate(CLASSES)}
    files = {f"./test/{name}/0000.jpg": _jpeg(colour) for name, colour in colours.items()}
    _pack(tmp_path, {**files, "./train/cat/0000.jpg": _jpeg((0, 0, 0))})
    records = true_records(tmp_path, 100)
    assert len(records) == 10 * RECORD_BYTES
    for at in range(0, len(records), RECORD_BYTES):
        label, red, blue = records[at], records[at + 1], records[at + 1 + 2 * 1024]
        assert abs(red - colours[CLASSES[label]][0]) <= 3
        assert abs(blue - 200) <= 3
    assert sorted(records[::RECORD_BYTES]) == list(range(10))


def test_the_expanded_folder_is_read_as_it_is(tmp_path: Path) -> None:
    records = random_records(5)
    assert true_records(write_cifar10(tmp_path / "expanded", records), 3) == records[: 3 * RECORD_BYTES]
