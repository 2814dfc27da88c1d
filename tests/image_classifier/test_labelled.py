from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from image_classifier.labelled import RECORD_BYTES, DataSetError, read_folder, read_records
from tests.image_classifier.tiny_model import LABELS, encode, plain


def record(label: int, colour: tuple[int, int, int]) -> bytes:
    """One official CIFAR-10 record: label, then the red, green and blue planes."""
    return bytes([label]) + b"".join(bytes([value]) * 1024 for value in colour)


def test_records_are_planes_in_rgb_order(tmp_path: Path) -> None:
    rows = np.arange(1024, dtype=np.uint16).astype(np.uint8).tobytes()
    path = tmp_path / "batch.bin"
    path.write_bytes(record(2, (1, 2, 3)) + bytes([0]) + rows + bytes(2048))
    first, second = read_records(path, LABELS)
    assert (first.label, second.label) == (2, 0)
    assert isinstance(first.picture, np.ndarray)
    assert first.picture.shape == (32, 32, 3)
    assert (first.picture == (1, 2, 3)).all()
    assert isinstance(second.picture, np.ndarray)
    assert second.picture[0, :, 0].tolist() == list(range(32))  # row by row
    assert second.origin == f"{path}#1"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"0 bytes are not a whole number of records of 3073 bytes"),
        (bytes(RECORD_BYTES - 1), "not a whole number"),
        (record(0, (0, 0, 0)) + record(3, (0, 0, 0)), "record 1 has label 3; the bundle has 3 labels"),
    ],
)
def test_bad_records(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "batch.bin"
    path.write_bytes(content)
    with pytest.raises(DataSetError, match=problem):
        list(read_records(path, LABELS))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"nothing\.bin: cannot be read: No such file"):
        list(read_records(tmp_path / "nothing.bin", LABELS))


def test_folders_are_labels(tmp_path: Path) -> None:
    for label in ("blue", "red"):
        (tmp_path / label).mkdir()
        for name in ("b.PNG", "a.jpg", "notes.txt"):
            (tmp_path / label / name).write_bytes(encode(plain((1, 2, 3))))
    found = list(read_folder(tmp_path, LABELS))
    assert [Path(item.origin).relative_to(tmp_path).as_posix() for item in found] == [
        "blue/a.jpg",
        "blue/b.PNG",
        "red/a.jpg",
        "red/b.PNG",
    ]
    assert [item.label for item in found] == [2, 2, 0, 0]


@pytest.mark.parametrize("folders", [[], ["red", "purple"]])
def test_folders_that_are_no_labels(tmp_path: Path, folders: list[str]) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    expected = r"expected folders named like the labels \(red, green, blue\), found (none|folder 'purple')"
    with pytest.raises(DataSetError, match=expected):
        list(read_folder(tmp_path, LABELS))


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="found none"):
        list(read_folder(tmp_path / "nothing", LABELS))


def test_sets_know_their_size_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "batch.bin"
    path.write_bytes(record(0, (0, 0, 0)) * 3)
    (tmp_path / "set" / "red").mkdir(parents=True)
    (tmp_path / "set" / "red" / "a.png").write_bytes(b"")
    assert len(read_records(path, LABELS)) == 3
    assert len(read_folder(tmp_path / "set", LABELS)) == 1


def test_records_that_shrink_while_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "batch.bin"
    path.write_bytes(record(0, (0, 0, 0)) * 2)
    records = read_records(path, LABELS)
    path.write_bytes(record(0, (0, 0, 0)) + b"\x00")
    with pytest.raises(DataSetError, match=r"batch\.bin: ends within record 1"):
        list(records)


def test_a_folder_given_as_records(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="is a folder; its pictures are measured with --folder"):
        read_records(tmp_path, LABELS)
