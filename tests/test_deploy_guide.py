"""What docs/deploy.md shows is sound; tests/e2e/deploy/test_guide.py runs what needs neither Azure nor a device."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "deploy.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


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
