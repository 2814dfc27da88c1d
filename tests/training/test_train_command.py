"""`scripts/train` from data to bundle, stopped in the middle and taken up again. Needs .venv-train."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.golden import check_golden_vectors
from tests.patience import TENSORFLOW_PATIENCE_S
from tests.training.environment import NEEDS_TRAINING, ROOT
from tests.training.tiny_images import smooth_images
from training.dataset import CLASSES
from training.samples import golden_pictures

CONFIG = """
version = "0.0.1"
description = "a few epochs on noise"
seed = 3
validation_fraction = 0.25
margin = 0.1
[network]
architecture = "seed"
[fit]
epochs = 4
batch_size = 40
peak_rate = 0.01
[augmentation]
flip = true
[quantization]
representative_images = 20
"""

pytestmark = [
    pytest.mark.slow,
    NEEDS_TRAINING,
]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_training_stopped_within_an_epoch_goes_on_to_a_good_bundle(
    stop: signal.Signals, tmp_path: Path
) -> None:
    data = smooth_images(200, 4)
    for number, pixels in enumerate(data.images):
        # each class in both splits
        folder = tmp_path / "data" / ("test" if number % 5 == 0 else "train") / CLASSES[number // 5 % 10]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number:04}.png")
    (tmp_path / "tiny.toml").write_text(CONFIG)
    command = [str(ROOT / "scripts" / "train"), "--bundle", "tiny"]
    for option, name in (("config", "tiny.toml"), ("data", "data"), ("state", "state"), ("out", "tiny")):
        command += [f"--{option}", str(tmp_path / name)]

    first = _start(command)
    assert first.stdout is not None
    seen = []
    for line in first.stdout:
        seen.append(line)
        # the second epoch's checkpoint is on disk before the third epoch's first line
        if line.startswith("epoch 3/4"):
            first.send_signal(stop)
            break
    rest, _ = first.communicate(timeout=TENSORFLOW_PATIENCE_S)
    assert first.returncode == 130, "".join(seen) + rest
    assert "goes on after the last whole epoch" in rest
    assert not (tmp_path / "tiny").exists()

    (tmp_path / "tiny.toml").write_text(CONFIG.replace("peak_rate = 0.01", "peak_rate = 0.02"))
    other = _start(command)
    output, _ = other.communicate(timeout=TENSORFLOW_PATIENCE_S)
    assert other.returncode == 1
    assert "was started with other settings; give --restart" in output

    (tmp_path / "tiny.toml").write_text(CONFIG)
    second = _start(command)
    output, _ = second.communicate(timeout=TENSORFLOW_PATIENCE_S)
    assert second.returncode == 0, output
    assert "going on after epoch 2 of" in output
    assert "epoch 2/4" not in output
    assert "epoch 4/4 done" in output
    bundle = load_bundle(tmp_path / "tiny")
    assert check_golden_vectors(Classifier(bundle)) == len(list(golden_pictures()))
    assert bundle.training["epochs"] == 4
    assert [row["n"] for row in bundle.measured["accuracy"]] == [40, 40]


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
