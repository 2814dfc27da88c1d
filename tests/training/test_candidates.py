"""Candidates are named, built, counted and timed beside a reference. The last needs .venv-train."""

from __future__ import annotations

import os
import subprocess

import pytest

from image_classifier.bundle import load_bundle
from tests.patience import TENSORFLOW_PATIENCE_S
from tests.training.environment import NEEDS_TRAINING, PYTHON, ROOT
from training.candidates import main, parse_network
from training.settings import SettingsError, load_settings


def test_a_network_has_a_short_form() -> None:
    network = parse_network("pooled16:64-128:1-2")
    assert (network.stem, network.stem_width) == ("pooled", 16)
    assert (network.widths, network.blocks) == ((64, 128), (1, 2))
    assert parse_network("fast") == load_settings("fast").network


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sead", "sead: expected a configuration's name or such as"),
        ("pooled16:64-128", "expected a configuration's name"),
        ("pooled16:64-128:1", "2 widths but 1 blocks"),
        ("strided64:64:0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_network_is_named(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_network(text)


def test_a_reference_that_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fast", "--reference", "/absent.tflite"]) == 1
    assert "/absent.tflite" in capsys.readouterr().err


@pytest.mark.slow
@NEEDS_TRAINING
def test_multiply_accumulates_and_ratio_are_printed() -> None:
    done = subprocess.run(
        [
            PYTHON, "-m", "training.candidates", "--seconds", "0.3", "pooled8:8-16:1-1", "strided8:8:1",
            "--reference", load_bundle("fast").model_path,
        ],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"},
        capture_output=True, text=True, timeout=TENSORFLOW_PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert rows["reference"][0] == "1.00"
    # strided: 27 * 8 in the stem and twice 72 * 8 in the block for each of 256 pixels, then 8 * 10
    assert float(rows["strided8:8:1"][2]) == pytest.approx((256 * 8 * (27 + 72 + 72) + 80) / 1e6, abs=0.05)
    # pooled: the stem at 1024 pixels, and a stage at 64 whose shortcut is 2x2
    stages = 256 * 8 * (72 + 72) + 64 * 16 * (72 + 144 + 32)
    assert float(rows["pooled8:8-16:1-1"][2]) == pytest.approx((1024 * 27 * 8 + stages) / 1e6, abs=0.06)
    assert 0 < float(rows["pooled8:8-16:1-1"][0]) < 1
