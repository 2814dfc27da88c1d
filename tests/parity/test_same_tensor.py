"""Training, edge and batch make the same input tensor, byte for byte; a mistake in any one of them is noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from camera.picture import Pixels
from camera.sources import cifar10_records
from image_classifier import labelled, preprocess
from image_classifier.labelled import Labelled
from image_classifier.preprocess import Preprocessor
from tests.parity.paths import KINDS, by_batch, by_edge, by_training, write_pictures, write_records
from training import dataset, layouts, records

Patch = pytest.MonkeyPatch
FOLDERS = {"pictures": write_pictures, "records": write_records}
BYTES = 32 * 32 * 3


@pytest.mark.parametrize("kind", FOLDERS)
async def test_all_paths_give_the_same_tensors(kind: str, tmp_path: Path) -> None:
    folder = FOLDERS[kind](tmp_path / "data")
    training, edge, batch = by_training(folder), await by_edge(folder), by_batch(folder)
    assert len(training) == (3 * len(KINDS) if kind == "pictures" else 12)
    assert {len(tensor) for tensor in training} == {BYTES}
    assert len(set(training)) == len(training)
    assert training == edge == batch


def _swapped(function: Any) -> Any:
    """Blue first in what `function` returns."""

    def swap(*arguments: Any, **named: Any) -> Any:
        made = function(*arguments, **named)
        if isinstance(made, Pixels):
            rgb = np.frombuffer(made.rgb, np.uint8).reshape(-1, 3)[:, ::-1].tobytes()
            return Pixels(rgb, made.width, made.height, made.label)
        return np.ascontiguousarray(made[..., ::-1])

    return swap


def _brighter(spec: Any) -> Any:
    return _table(spec) + 1


_table = preprocess._level_table

MISTAKES: dict[str, tuple[str, Callable[[Patch], None]]] = {
    "training decodes blue first": (
        "pictures", lambda patch: patch.setattr(layouts, "_decode", _swapped(layouts._decode)),
    ),
    "training reads records blue first": (
        "records", lambda patch: patch.setattr(records, "planes_to_images", _swapped(records.planes_to_images)),
    ),
    "training reads records columns first": (
        "records",
        lambda patch: patch.setattr(
            records, "planes_to_images", lambda planes: planes.reshape(-1, 3, 32, 32).transpose(0, 3, 2, 1).copy()
        ),
    ),
    "training scales to -1..1": (
        "pictures", lambda patch: patch.setattr(dataset, "unit_range", lambda pixels: pixels / 127.5 - 1),
    ),
    "training divides by 256": (
        "records", lambda patch: patch.setattr(dataset, "unit_range", lambda pixels: pixels / 256),
    ),
    "camera reads records blue first": (
        "records",
        lambda patch: patch.setattr(cifar10_records, "_pixels", _swapped(cifar10_records._pixels)),
    ),
    "edge and batch read blue first": (
        "pictures",
        lambda patch: patch.setattr(Preprocessor, "quantize", _swapped(Preprocessor.quantize)),
    ),
    "edge and batch have another zero point": (
        "records", lambda patch: patch.setattr(preprocess, "_level_table", _brighter),
    ),
    "batch reads records columns first": (
        "records",
        lambda patch: patch.setattr(
            labelled, "Labelled", lambda pixels, *known: Labelled(pixels.transpose(1, 0, 2).copy(), *known)
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_in_one_path_is_noticed(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, make = MISTAKES[mistake]
    folder = FOLDERS[kind](tmp_path / "data")
    make(monkeypatch)
    training, edge, batch = by_training(folder), await by_edge(folder), by_batch(folder)
    assert len(training) == len(edge) == len(batch) > 0
    assert not training == edge == batch
