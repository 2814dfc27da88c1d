from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.camera.pictures import jpeg
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]


def self_test(**environment: str) -> subprocess.CompletedProcess[str]:
    roots = os.pathsep.join(str(ROOT / part) for part in ("libs", "modules/camera"))
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
    roots = os.pathsep.join(str(ROOT / part) for part in ("libs", "modules/camera"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": roots},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
