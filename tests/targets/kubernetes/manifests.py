"""`scripts/manifests` as a process, and what kubectl must be for it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from targets.kubernetes.documents import Document
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
OLDEST = (1, 27)
_SETS_UP_S = 6 * PATIENCE_S


def needs_kubectl() -> None:
    """Skips where nothing can render."""
    try:
        command = ["kubectl", "version", "--client", "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        major, minor, *_ = json.loads(done.stdout)["clientVersion"]["gitVersion"].lstrip("v").split(".")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no kubectl: {error}")
    if (int(major), int(minor)) < OLDEST:
        pytest.skip(f"kubectl is {major}.{minor}: rendering needs {OLDEST[0]}.{OLDEST[1]}")


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "manifests"), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_SETS_UP_S, check=False, env=environment or None
    )


def checked(*folders: str | Path) -> list[dict[str, Any]]:
    """`folders` of `--json`: name, objects, findings."""
    done = run("--json", *folders)
    assert done.returncode in {0, 1}, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["folders"]
    return found


def rendered() -> dict[str, list[Document]]:
    """The objects of each folder of ours, by the folder's name below targets/."""
    return {one["folder"].removeprefix("targets/"): one["objects"] for one in checked()}
