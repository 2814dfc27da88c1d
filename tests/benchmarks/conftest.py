from __future__ import annotations

from pathlib import Path

import pytest

from image_classifier.bundle import Bundle
from tests.image_classifier.tiny_model import Tiny, encode, make_bundle, plain
from training.dataset import CLASSES

COLOURS = {"airplane": (200, 0, 0), "automobile": (0, 200, 0), "bird": (0, 0, 205)}
"""What the tiny models tell apart, under the first three names of CIFAR-10; JPEG at quality 100 keeps them exactly."""


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "tiny", Tiny(outputs=10), labels=list(CLASSES))


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A model as MLPerf Tiny's: pixels of 0..255, no document."""
    path = tmp_path / "reference.tflite"
    path.write_bytes(Tiny(side=32, outputs=10, input_scale=1.0).build())
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Class folders: a PNG and a JPEG of each colour."""
    folder = tmp_path / "pictures"
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        (folder / label / "1.png").write_bytes(encode(plain(colour, 32, 32)))
        (folder / label / "2.jpg").write_bytes(encode(plain(colour, 32, 32), "JPEG", quality=100))
    return folder
