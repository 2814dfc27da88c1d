"""The page's scripts that need no browser, tested where they run: in node (`js/*.test.mjs`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

HERE = Path(__file__).parent / "js"
TESTS = sorted(HERE.glob("*.test.mjs"))
_OLDEST = 18  # Debian bookworm's, and the first that has a test runner


@pytest.fixture(scope="session")
def node() -> str:
    path = shutil.which("node")
    if path is None:
        pytest.skip("node is not installed")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < _OLDEST:
        pytest.skip(f"node {version} has no test runner: {_OLDEST} or later is needed")
    return path


def test_there_are_tests() -> None:
    assert len(TESTS) >= 10


def test_the_scripts_pass_their_tests(node: str) -> None:
    done = subprocess.run(
        [node, "--test", "--test-reporter=spec", *map(str, TESTS)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
