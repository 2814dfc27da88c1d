"""The virtual environments of the targets: a test needs one, and says who sets it up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
FOREIGN = ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",)


def python_of(name: str) -> Path:
    return ROOT / f".venv-{name}" / "bin" / "python"


def needs(name: str) -> pytest.MarkDecorator:
    reason = f".venv-{name} is not there; scripts/test-targets sets it up"
    return pytest.mark.skipif(not python_of(name).exists(), reason=reason)


def environment(**more: str) -> dict[str, str]:
    """Of this process's environment the path alone, so that nothing of ours is found by accident."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", **more}


def run(name: str, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a program of that environment prints; its errors are shown when it fails."""
    done = subprocess.run(
        [python_of(name), *arguments],
        cwd=cwd,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
