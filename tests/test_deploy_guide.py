"""The commands of docs/deploy.md that need neither Azure nor a device are run; others are checked."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clone import clone
from tests.e2e.device import end_all, wait_for
from tests.e2e.service_sdk import PYTHON, SETUP
from tests.patience import PATIENCE_S
from tests.test_readme import BLOCK

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "deploy.md").read_text()
RUN = "scripts/edge run deployment.template.json --state .state/rehearsal"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


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
            timeout=PATIENCE_S,
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
@pytest.mark.skipif(not PYTHON.exists(), reason=f"the service SDK is not there ({SETUP})")
def test_the_rehearsal_runs_as_it_stands_there(user: User) -> None:
    said = [user.do(block) for block in BLOCK.findall(GUIDE)]
    assert len(said) == 3
    assert "nothing was changed (--dry-run)" in said[1]
    assert [text.count("PASSED on edge: ") for text in said] == [0, 1, 1]


def test_the_output_shown_is_what_the_smoke_test_says() -> None:
    shown = next(block for block in blocks("text") if "PASSED" in block)
    assert re.search(r"^PASSED on \S+: \d+ right, 0 wrong, 0 missing, in \d+\.\d s$", shown, re.MULTILINE)


@pytest.mark.parametrize("block", blocks("sh"))
def test_the_other_commands_are_sound_shell(block: str) -> None:
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


COMMANDS = sorted(
    {
        line.split("#")[0].strip()
        for block in blocks("sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("scripts/")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_our_commands_know_the_options_that_they_are_given(command: str) -> None:
    script, *arguments = command.split()
    names = [script, arguments[0]] if script == "scripts/edge" else [script]
    asked = subprocess.run(
        [*names, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert asked.returncode == 0, asked.stderr
    for option in re.findall(r"--[a-z-]+", command):
        assert re.search(rf"{option}\b", asked.stdout), f"{script} has no {option}"


@pytest.mark.parametrize("text", blocks("toml"))
def test_config_toml_is_what_iot_edge_reads(text: str) -> None:
    """Its own template has these names (edgelet/contrib/config/linux/template.toml of Azure/iotedge)."""
    provisioning: dict[str, Any] = tomllib.loads(text)["provisioning"]
    by_dps = provisioning.pop("source") == "dps"
    proof = provisioning.pop("attestation" if by_dps else "authentication")
    device = {"registration_id"} if by_dps else set()
    assert provisioning.keys() == (
        {"global_endpoint", "id_scope"} if by_dps else {"iothub_hostname", "device_id"}
    )
    method = proof.pop("method")
    secrets = {
        "x509": {"identity_cert", "identity_pk"},
        "sas": {"device_id_pk"},
        "symmetric_key": {"symmetric_key"},
    }
    assert proof.keys() == device | secrets[method]


@pytest.mark.parametrize("text", blocks("json"))
def test_json_is_json(text: str) -> None:
    assert json.loads(text)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", GUIDE):
        assert (ROOT / "docs" / target).exists(), target
