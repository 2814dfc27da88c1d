"""`scripts/train` with a residual network, lossless records and a teacher. Needs .venv-train."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.golden import check_golden_vectors
from tests.patience import TENSORFLOW_PATIENCE_S
from tests.training.environment import NEEDS_TRAINING, ROOT
from tests.training.tiny_images import smooth_images
from training.dataset import CLASSES
from training.records import format_records
from training.samples import golden_pictures

CONFIG = """
version = "0.0.1"
description = "one epoch on noise"
seed = 3
validation_fraction = 0.25
margin = 0.1
[network]
architecture = "residual"
stem = "pooled"
stem_width = 8
widths = [8, 16]
blocks = [2, 1]
[fit]
epochs = 1
batch_size = 40
peak_rate = 0.01
weight_decay = 0.005
label_smoothing = 0.1
[augmentation]
cutout_pixels = 4
blur_fraction = 0.5
brightness = 0.1
[quantization]
representative_images = 20
"""

pytestmark = [
    pytest.mark.slow,
    NEEDS_TRAINING,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """200 JPEG files, one in five for the test; a quarter of the others also as lossless records."""
    data = smooth_images(200, 4)
    for number, (pixels, label) in enumerate(zip(data.images, data.labels, strict=True)):
        folder = tmp_path / "data" / ("test" if number % 5 == 0 else "train") / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number:04}.jpg", quality=75)
    lossless = data.take(np.flatnonzero(np.arange(200) % 5 == 1))
    (tmp_path / "data" / "lossless.bin").write_bytes(format_records(lossless))
    return tmp_path


def test_a_residual_network_learns_from_jpeg_and_lossless_images(folder: Path) -> None:
    output = _train(folder, "tiny", CONFIG)
    assert "40 of them lossless (40 in the place of their JPEG twin" in output
    bundle = load_bundle(folder / "tiny")
    assert check_golden_vectors(Classifier(bundle)) == len(list(golden_pictures()))
    assert len(bundle.model_bytes) < 60_000
    assert bundle.measured["accuracy"][0]["n"] == 40
    (parity,) = bundle.measured["parity"]
    assert parity["second"].startswith("float32, TensorFlow")
    # the training's own path and the edge's give the model the same bytes
    assert (parity["n"], parity["sameTensor"]) == (40, 40)
    assert parity["top1"][0] == bundle.measured["accuracy"][0]["top1"]

    # finished already: training is not run again, and the same answers come of it
    output = _train(folder, "tiny", CONFIG)
    assert "epoch 1/1" not in output
    assert load_bundle(folder / "tiny").golden_vectors == bundle.golden_vectors


def test_a_pupil_needs_its_teacher(folder: Path) -> None:
    pupil = CONFIG + '[distillation]\nteacher = "seed"\n'
    missing = _train(folder, "pupil", pupil, fails=True)
    assert "train seed first: scripts/train --bundle seed" in missing

    network = CONFIG.partition("[network]")[2].partition("[fit]")[0]
    _train(folder, "seed", CONFIG.replace(network, '\narchitecture = "seed"\n'))
    _train(folder, "pupil", pupil)
    assert load_bundle(folder / "pupil").training["settings"]["distillation"]["teacher"] == "seed"

    best = "best.weights.h5"
    state = folder / "state/edge-vision/training"
    (state / "seed" / best).write_bytes((state / "pupil" / best).read_bytes())
    wrong = _train(folder, "other", pupil, fails=True)
    assert "not the weights of seed's architecture" in wrong


def _train(folder: Path, name: str, config: str, *, fails: bool = False) -> str:
    (folder / f"{name}.toml").write_text(config)
    command: list[str | Path] = [
        ROOT / "scripts" / "train", "--bundle", name, "--config", folder / f"{name}.toml",
        "--data", folder / "data", "--out", folder / name,
    ]  # fmt: skip
    environment = os.environ | {"XDG_STATE_HOME": str(folder / "state")}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=TENSORFLOW_PATIENCE_S, check=False
    )
    assert done.returncode == int(fails), done.stdout + done.stderr
    return done.stderr if fails else done.stdout
