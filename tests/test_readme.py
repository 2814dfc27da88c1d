"""Every command of the README is run, in a copy of the tracked files, as a new user would."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.clone import clone

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Running the tests from a test would never end; CI runs the same command instead.
RUN_BY_CI = ("scripts/test",)


def blocks() -> list[str]:
    return [found.strip() for found in BLOCK.findall((ROOT / "README.md").read_text())]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked files, with this checkout's `.venv`, so that the test does not install it again."""
    return clone(tmp_path_factory.mktemp("readme"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", [b for b in blocks() if b not in RUN_BY_CI])
def test_a_block_runs(block: str, copy: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "--report report.json" in block:
        report = json.loads((copy / "report.json").read_text())
        assert (report["frames_sent"], report["predictions"], report["lost"]) == (40, 40, 0)
    if "snapshot.json" in block:
        assert json.loads((copy / "snapshot.json").read_text())["contentType"].startswith("image/")


def test_what_is_not_run_here_is_run_by_ci() -> None:
    ci = (ROOT / ".ci/run").read_text()
    for command in RUN_BY_CI:
        assert command in blocks()
        assert re.search(rf"^necessary {re.escape(command)}$", ci, re.MULTILINE), command


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target


def test_the_output_shown_is_of_the_command_shown() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"scripts/demo --duration 12\n```\n\n```text\n(.*?)```", readme, re.DOTALL)
    assert shown is not None
    for words in ("prediction ", "event ", "lost / duplicates / out of order", "0 / 0 / 0"):
        assert words in shown[1]
