"""The environment that trains; a test installs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-train" / "bin" / "python"
NEEDS_TRAINING = pytest.mark.skipif(
    not PYTHON.exists(), reason=".venv-train is not there; scripts/train sets it up"
)
