"""The binary record layout and the pickled batches, field by field."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.dataset import DatasetError, LabelledImages
from training.python_batches import parse_python_batch
from training.records import RECORD_BYTES, format_records, parse_records

ORIGIN = Path("data_batch_1")


def test_a_record_is_a_label_and_three_planes() -> None:
    planes = np.zeros((3, 32, 32), np.uint8)
    planes[0, 2, 5], planes[1, 2, 5], planes[2, 2, 5] = 200, 100, 50
    data = parse_records(bytes([7]) + planes.tobytes(), ORIGIN)
    assert data.labels.tolist() == [7]
    assert data.images[0, 2, 5].tolist() == [200, 100, 50]
    assert int(data.images.sum()) == 350


def test_records_survive_the_way_there_and_back(train: LabelledImages) -> None:
    found = parse_records(format_records(train), ORIGIN)
    assert found.fingerprint() == train.fingerprint()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "0 bytes are not a whole number"),
        (bytes(RECORD_BYTES + 1), "3074 bytes are not a whole number"),
        # CIFAR-100 has two label bytes a record: its length does not fit either
        (bytes(3074 * 2), "6148 bytes are not a whole number"),
        (bytes(RECORD_BYTES) + bytes([10]) + bytes(3072), "record 1 has label 10"),
    ],
)
def test_what_is_no_record_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_records(raw, ORIGIN)


def batch(**changes: Any) -> dict[bytes, Any]:
    return {b"data": np.zeros((2, 3072), np.uint8), b"labels": [3, 4]} | {
        key.encode(): value for key, value in changes.items()
    }


def test_a_batch_with_text_keys_is_read() -> None:
    content = {key.decode(): value for key, value in batch().items()}
    assert parse_python_batch(pickle.dumps(content), ORIGIN).labels.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "a list, expected a dict"),
        ({b"labels": [1]}, r"data is not uint8 \(n, 3072\)"),
        (batch(data=np.zeros((2, 3072), np.float32)), "data is not uint8"),
        (batch(data=np.zeros((2, 3071), np.uint8)), "data is not uint8"),
        (batch(labels=[1]), "labels are not a list of 2"),
        (batch(labels=[1, 10]), "a label is not 0..9"),
        (batch(labels=[1, "cat"]), "a label is not 0..9"),
    ],
)
def test_a_wrong_batch_is_refused(content: object, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_python_batch(pickle.dumps(content), ORIGIN)


class Hostile:
    """Unpickled without care, this creates a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_runs_code_is_refused_before_it_runs(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    raw = pickle.dumps(batch(extra=Hostile(trap)))
    with pytest.raises(DatasetError, match=r"asks for (posix|nt)\.mkdir"):
        parse_python_batch(raw, ORIGIN)
    assert not trap.exists()
    pickle.loads(raw)  # noqa: S301 - shows that the trap works
    assert trap.exists()
