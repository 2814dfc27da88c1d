from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from classifier.self_test import self_test
from classifier.settings import ClassifierSettings
from image_classifier.bundle import Bundle
from image_classifier.errors import BundleError
from tests.image_classifier.tiny_model import edit
from tests.patience import PATIENCE_S


def run_module(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    roots = [str(Path("libs").resolve()), str(Path("modules/classifier").resolve())]
    return subprocess.run(
        [sys.executable, "-m", "classifier", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(roots), "METRICS_PORT": "0"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        cwd=tmp_path,
    )


def test_it_says_what_it_proved(tiny_bundle: Bundle) -> None:
    line = self_test(ClassifierSettings(model=str(tiny_bundle.folder)))
    assert line.startswith(f"tiny 1.0.0 ({tiny_bundle.sha256[:8]}), 2 golden vectors, ")


def test_a_changed_preprocessing_fails(tiny_bundle: Bundle) -> None:
    edit(tiny_bundle, "input", "colourOrder", value="BGR")
    with pytest.raises(BundleError, match="gives other tensor bytes"):
        self_test(ClassifierSettings(model=str(tiny_bundle.folder)))


def test_the_command(tiny_bundle: Bundle, tmp_path: Path) -> None:
    result = run_module(tmp_path, "--self-test", MODEL=str(tiny_bundle.folder))
    assert (result.returncode, result.stdout.split(",")[0]) == (
        0,
        f"classifier: tiny 1.0.0 ({tiny_bundle.sha256[:8]})",
    )


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"TOP_K": "0"}, 'TOP_K = "0": input should be greater than or equal to 1'),
        ({"MARGIN": "often"}, "MARGIN"),
        ({"THREADS": "1000"}, "(expected integer from 1 to 16"),
    ],
)
def test_an_invalid_environment_ends_with_2_and_one_line(
    tmp_path: Path, environment: dict[str, str], message: str
) -> None:
    result = run_module(tmp_path, **environment)
    assert result.returncode == 2
    assert message in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
