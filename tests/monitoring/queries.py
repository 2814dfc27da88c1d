"""Every query of docs/monitoring, parsed by `.venv-monitoring` (read_queries.py says why it is one of its own)."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "monitoring"
_SETS_UP_S = 6 * PATIENCE_S


@cache
def documents() -> dict[str, Any]:
    """`queries` and `unknown`, as read_queries.py prints them."""
    return read(FOLDER)


def read(folder: Path) -> dict[str, Any]:
    """The same of another folder."""
    venv = [str(ROOT / "scripts" / "venv"), ".venv-monitoring", "requirements/monitoring.txt"]
    made = subprocess.run(venv, capture_output=True, text=True, timeout=_SETS_UP_S, check=True)
    command = [made.stdout.strip(), str(Path(__file__).with_name("read_queries.py")), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
