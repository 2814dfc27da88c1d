"""The commands of docs/deploy.md that need neither Azure nor a device are run, in a copy of the tracked files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clone import clone
from tests.e2e.deploying import NEEDS_SDK
from tests.e2e.device import ROOT, end_all
from tests.patience import PATIENCE_S, wait_for
from tests.test_deploy_guide import GUIDE
from tests.test_readme import BLOCK

RUN = "scripts/edge run deployment.template.json --state .state/rehearsal"


class User:
    """Two terminals in a clone."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = clone(folder)
        (self.folder / ".venv-service").symlink_to(ROOT / ".venv-service")
        self.state = self.folder / ".state" / "rehearsal"
        self._address = address
        self._running: subprocess.Popen[bytes] | None = None

    def do(self, block: str) -> str:
        if RUN in block:
            self._leave(block)
            return ""
        done = subprocess.run(
            self._bash(block),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=5 * PATIENCE_S,  # a deployment is followed until it has been well for a while
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def _leave(self, block: str) -> None:
        """The block ends with what goes on; it listens on this test's own address."""
        text = block.replace(RUN, f"exec {RUN} --address {self._address}")
        with (self.folder / "run.log").open("wb") as log:
            self._running = subprocess.Popen(self._bash(text), cwd=self.folder, stdout=log, stderr=log)
        wait_for(self._is_up, "the rehearsal")

    def _is_up(self) -> bool:
        assert self._running is not None
        assert self._running.poll() is None, (self.folder / "run.log").read_text()
        return (self.state / "endpoints.json").exists()

    def close(self) -> None:
        if self._running is not None:
            self._running.terminate()
            self._running.wait()
        end_all(self.state)

    @staticmethod
    def _bash(block: str) -> list[str]:
        return ["bash", "-euo", "pipefail", "-c", block]


@pytest.fixture
def user(tmp_path: Path, loopback: str) -> Iterator[User]:
    found = User(tmp_path / "edge-vision", loopback)
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.timeout(1200)  # two deployments, each followed until it has been well for a while
@NEEDS_SDK
def test_the_rehearsal_runs_as_it_stands_there(user: User) -> None:
    said = [user.do(block) for block in BLOCK.findall(GUIDE)]
    assert len(said) == 3
    assert "nothing was changed (--dry-run)" in said[1]
    assert [text.count("PASSED on edge: ") for text in said] == [0, 1, 1]
