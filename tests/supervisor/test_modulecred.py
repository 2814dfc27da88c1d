"""`modulecred`: the credentials of a module that the runtime does not start (spec A.1), with the real hub and SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S, wait_for
from tests.supervisor.conftest import Run, Solution, command

Start = Callable[..., Run]
KEYS = ["HostName", "GatewayHostName", "DeviceId", "ModuleId", "SharedAccessKey"]
SENDS_ONE = """
from azure.iot.device import IoTHubModuleClient
client = IoTHubModuleClient.create_from_edge_environment()
client.send_message_to_output("by hand", "words")
client.shutdown()
"""
STAYS = """
import os, signal, time
from azure.iot.device import IoTHubModuleClient
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
client = IoTHubModuleClient.create_from_edge_environment()
client.connect()
print("connected", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def device(solution: Solution, run: Start, state: Path) -> Run:
    """A device with a camera that is left out."""
    solution.add("camera")
    started = run("--without", "camera", hub=None)
    wait_for((state / "endpoints.json").exists)
    return started


def sourced(text: str, folder: Path) -> dict[str, str]:
    """The variables that a shell has after `set -a; . FILE`."""
    file = folder / "module.env"
    file.write_text(text)
    shell = ["bash", "-c", 'set -a; . "$1"; env -0', "-", str(file)]
    shown = subprocess.run(shell, env={}, capture_output=True, text=True, check=True).stdout
    return dict(pair.partition("=")[::2] for pair in shown.split("\0") if pair.startswith("Edge"))


def program(code: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def arrived(state: Path, module: str) -> list[str]:
    shown = command(state, "events", "--json", "--module", module).stdout
    return [b64decode(json.loads(line)["bodyBase64"]).decode() for line in shown.splitlines()]


def test_the_two_variables_connect_the_sdk(device: Run, state: Path, tmp_path: Path, loopback: str) -> None:
    """A.1-2, A.1-5"""
    printed = command(state, "modulecred", "camera")
    assert (printed.returncode, printed.stderr) == (0, "")
    variables = sourced(printed.stdout, tmp_path)
    assert sorted(variables) == ["EdgeHubConnectionString", "EdgeModuleCACertificateFile"]
    pairs = [part.partition("=") for part in variables["EdgeHubConnectionString"].split(";")]
    assert [name for name, _, _ in pairs] == KEYS
    assert [value for _, _, value in pairs][:4] == ["local.azure-devices.net", loopback, "edge", "camera"]
    assert variables["EdgeModuleCACertificateFile"] == str(state / "certificates" / "ca.pem")

    sent = program(SENDS_ONE, variables)
    assert sent.returncode == 0, sent.stderr
    wait_for(lambda: arrived(state, "camera") == ["by hand"])
    assert json.loads(command(state, "modulecred", "camera", "--json").stdout) == variables
    assert device.stop() == 0


def test_a_wrong_key_does_not_connect(device: Run, state: Path, tmp_path: Path) -> None:
    """Or the test above would say nothing of the key that is printed."""
    variables = sourced(command(state, "modulecred", "camera").stdout, tmp_path)
    right = variables["EdgeHubConnectionString"]
    variables["EdgeHubConnectionString"] = right[:-8] + (
        "AAAAAAA=" if right[-8:] != "AAAAAAA=" else "BBBBBBB="
    )
    assert program(SENDS_ONE, variables).returncode != 0


def test_a_module_that_nobody_has_named_can_be_made(device: Run, state: Path, tmp_path: Path) -> None:
    refused = command(state, "modulecred", "target")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "'target'" in refused.stderr
    assert "camera" in refused.stderr
    assert "--create" in refused.stderr
    made = command(state, "modulecred", "target", "--create")
    assert made.returncode == 0
    assert program(SENDS_ONE, sourced(made.stdout, tmp_path)).returncode == 0
    wait_for(lambda: arrived(state, "target") == ["by hand"])
    assert command(state, "modulecred", "TARGET").stdout == made.stdout, "made once; ids have no case"


def test_a_name_that_no_module_can_have_is_refused(device: Run, state: Path) -> None:
    refused = command(state, "modulecred", "a/b", "--create")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "'a/b'" in refused.stderr


def test_who_connects_beside_a_running_module_is_warned(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera", STAYS)
    started = run(hub=None)
    started.until_module("camera", "running")
    wait_for(lambda: "connected" in started.log("camera"))
    printed = command(state, "modulecred", "camera")
    assert printed.returncode == 0
    assert "--without camera" in printed.stderr
    assert "SharedAccessKey" not in printed.stderr
    assert "SharedAccessKey" in printed.stdout


def test_a_device_that_does_not_run_has_none(state: Path) -> None:
    refused = command(state, "modulecred", "camera")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert str(state) in refused.stderr
