from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from camera.self_test import self_test as in_process
from camera.settings import CameraSettings
from camera.sources.opencv import opencv
from module_kit.self_test import SelfTestError
from tests.camera.pictures import jpeg
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
ROOTS = [str(ROOT / part) for part in ("libs", "modules/camera")]


def self_test(**environment: str) -> subprocess.CompletedProcess[str]:
    roots = os.pathsep.join(ROOTS)
    return subprocess.run(
        [sys.executable, "-m", "camera", "--self-test"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": roots, "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_says_what_the_source_gives(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(side=48))
    done = self_test(SOURCE=f"folder:{tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "48x48 JPEG" in done.stdout
    assert "encodes and decodes PNG and JPEG, OpenCV" in done.stdout


@pytest.mark.parametrize("package", ["cv2", "aiomqtt", "azure"])
def test_a_package_that_does_not_load_fails(tmp_path: Path, package: str) -> None:
    (tmp_path / f"{package}.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    done = self_test(PYTHONSAFEPATH="1", PYTHONPATH=os.pathsep.join([str(tmp_path), *ROOTS]))
    assert done.returncode == 1
    assert "self-test failed: the package" in done.stdout
    assert "libGL.so.1" in done.stdout


def test_a_decoder_that_gives_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv(), "imdecode", lambda *_: None)
    with pytest.raises(SelfTestError, match="PNG of 32x32 pixels is decoded as None"):
        in_process(CameraSettings())


@pytest.mark.parametrize(
    ("environment", "code", "part"),
    [
        ({"SOURCE": "folder:/nowhere"}, 1, "folder /nowhere: does not exist"),
        ({"SOURCE": "webcam:0"}, 2, "SOURCE"),
        ({"FPS": "fast"}, 2, "FPS"),
    ],
)
def test_says_what_is_wrong(environment: dict[str, str], code: int, part: str) -> None:
    done = self_test(**environment)
    assert done.returncode == code
    assert part in done.stdout + done.stderr


def test_a_file_feed_imports_nothing_heavy() -> None:
    program = (
        "import sys, camera.program, camera.sources.folder, camera.sources.cifar10, camera.sources.sample\n"
        "heavy = {'cv2', 'numpy', 'aiomqtt'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    roots = os.pathsep.join(ROOTS)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": roots},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
