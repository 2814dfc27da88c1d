"""The page's scripts are type checked: their JSDoc is read by the compiler of the lock file, from npm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.npm import installed
from tests.patience import PATIENCE_S

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def compiler() -> Path:
    return installed(HERE) / ".bin" / "tsc"


def _check(compiler: Path, project: Path) -> str:
    """What the compiler finds wrong."""
    done = subprocess.run(
        [str(compiler), "--project", str(project)],
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


def test_the_scripts_have_no_type_errors(compiler: Path) -> None:
    assert _check(compiler, HERE) == ""


def test_an_error_would_be_seen(compiler: Path, tmp_path: Path) -> None:
    settings = json.loads((HERE / "tsconfig.json").read_text())
    (tmp_path / "tsconfig.json").write_text(json.dumps({**settings, "include": ["."]}))
    (tmp_path / "wrong.js").write_text("/** @type {number} */\nexport const figure = 'text';\n")
    assert "wrong.js(2,14): error TS2322" in _check(compiler, tmp_path)


def test_every_script_asks_to_be_checked() -> None:
    folder = HERE.parents[2] / "edge_runtime" / "page" / "static"
    scripts = sorted(folder.rglob("*.js"))
    assert len(scripts) > 20
    assert [file.name for file in scripts if not file.read_text().startswith("// @ts-check\n")] == []
