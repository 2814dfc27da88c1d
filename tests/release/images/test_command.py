from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "build", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--platform", "riscv"), "module.json has no platform 'riscv'"),
        (("--platform", "amd64", "--module", "ear"), "there are: camera, classifier, results_filter"),
        (("--platform", "arm32v7", "--folder", "serving"), "no module has the platform 'arm32v7'"),
        (("--platform", "amd64", "--folder", "docs"), "docs/module.json"),
        ((), "--platform"),
    ],
)
def test_what_cannot_be_built_is_named(tmp_path: Path, arguments: tuple[str, ...], part: str) -> None:
    done = run(*arguments, "--record", str(tmp_path / "images.json"))
    assert (done.returncode, done.stdout) == (2, "")
    assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_no_engine_is_told_with_its_place(tmp_path: Path) -> None:
    done = run(
        "--platform", "amd64", "--record", str(tmp_path / "r"), DOCKER_HOST=f"unix://{tmp_path}/no.sock"
    )
    assert done.returncode == 3
    assert f"no Docker engine answers at unix://{tmp_path}/no.sock" in done.stderr
    assert not (tmp_path / "r").exists()
