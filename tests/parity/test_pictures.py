"""Which pictures are asked about, and that a container gets the very same."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from image_classifier.labelled import Labelled
from tests.parity.paths import KINDS, write_pictures, write_records
from training.dataset import CLASSES
from training.layouts import read_images
from training.parity.pictures import pack, read_pictures, spread
from training.parity.training_path import PictureTree, training_pixels


def test_files_come_as_they_are_and_by_label(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    found = read_pictures(tmp_path)
    assert [picture.label for picture in found] == sorted([0, 3, 9] * len(KINDS))
    assert {picture.picture for picture in found} == {
        file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()
    }


def test_a_few_are_spread_over_the_classes(tmp_path: Path) -> None:
    found = read_pictures(write_pictures(tmp_path), 3)
    assert [picture.label for picture in found] == [0, 3, 9]


@pytest.mark.parametrize(
    ("n", "limit", "expected"),
    [(5, None, [0, 1, 2, 3, 4]), (5, 9, [0, 1, 2, 3, 4]), (5, 2, [0, 4]), (101, 3, [0, 50, 100]), (0, 3, [])],
)
def test_spread(n: int, limit: int | None, expected: list[int]) -> None:
    assert spread(n, limit).tolist() == expected


@pytest.mark.parametrize("write", [write_pictures, write_records])
def test_a_packed_set_is_read_as_the_same(write: object, tmp_path: Path) -> None:
    assert callable(write)
    pictures = read_pictures(write(tmp_path / "here"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        pack(pictures, archive, PurePosixPath("there"))
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        archive.extractall(tmp_path, filter="data")
    again = read_pictures(tmp_path / "there")
    assert [picture.label for picture in again] == [picture.label for picture in pictures]
    if write is write_pictures:
        assert [picture.picture for picture in again] == [picture.picture for picture in pictures]
    assert np.array_equal(training_pixels(again), training_pixels(pictures))


def test_the_training_s_loader_reads_pictures_from_memory(tmp_path: Path) -> None:
    pictures = read_pictures(write_pictures(tmp_path))
    data = read_images(PictureTree(pictures), "test")
    assert data is not None
    assert data.labels.tolist() == [picture.label for picture in pictures]
    assert len(CLASSES) > int(data.labels.max())
    assert read_images(PictureTree([Labelled(data.images[0], 3, "one")]), "test") is None
