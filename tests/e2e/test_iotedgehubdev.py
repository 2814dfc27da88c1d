"""Microsoft's iotedgehubdev, unmodified, against the local IoT Hub (spec E.9, F.7): `setup` and `modulecred`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device
from tests.e2e.test_service_sdk import manifest
from tests.patience import wait_for

TOOL = ROOT / ".venv-iotedgehubdev" / "bin" / "iotedgehubdev"
SETUP = "scripts/venv .venv-iotedgehubdev requirements/iotedgehubdev.txt"
SENDS_ONE = """
from azure.iot.device import IoTHubModuleClient
client = IoTHubModuleClient.create_from_edge_environment()
client.send_message("by the tool's word")
client.shutdown()
"""
Tool = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason=f"iotedgehubdev is not there ({SETUP})")


@pytest.fixture(scope="module")
def running(shared_device: StartDevice) -> Device:
    return shared_device({"modulesContent": manifest(echo={})}, "--without", "echo").up()


@pytest.fixture
def tool(running: Device, short: Path) -> Tool:
    """iotedgehubdev with a home of its own, told the CA as the guide says, and set up."""
    configuration = short / ".iotedgehubdev" / "config"
    configuration.mkdir(parents=True)
    # Or it asks nothing and sends to Microsoft what it is used for.
    (configuration / "setting.ini").write_text("[DEFAULT]\nfirsttime = no\ncollect_telemetry = no\n")
    variables = json.loads(running.command("devicecred", "--json").stdout)

    def call(*arguments: str, trusting: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(short)}
        if trusting:
            environment["REQUESTS_CA_BUNDLE"] = variables["REQUESTS_CA_BUNDLE"]
        return subprocess.run(
            [str(TOOL), *arguments], env=environment, capture_output=True, text=True, check=False
        )

    assert running.endpoints is not None
    strings = (variables["DEVICE_CONNECTION_STRING"], variables["IOTHUB_CONNECTION_STRING"])
    done = call("setup", "-c", strings[0], "-g", running.endpoints["address"], "-i", strings[1])
    assert done.returncode == 0, done.stdout + done.stderr
    return call


def connection(printed: str) -> dict[str, str]:
    """The parts of the connection string that it printed."""
    (line,) = [line for line in printed.splitlines() if "EdgeHubConnectionString=" in line]
    text = line.partition("EdgeHubConnectionString=")[2]
    return dict(part.partition("=")[::2] for part in text.split(";"))


def modules(device: Device) -> dict[str, str]:
    """Primary key by module."""
    return {i["module"]: i["primaryKey"] for i in device.control.identities() if i["module"]}


def test_setup_refuses_the_wrong_strings(running: Device, tool: Tool) -> None:
    variables = json.loads(running.command("devicecred", "--json").stdout)
    swapped = tool("setup", "-c", variables["IOTHUB_CONNECTION_STRING"])
    assert swapped.returncode != 0
    assert "device connection string" in swapped.stdout + swapped.stderr


def test_modulecred_gives_the_key_of_a_module_of_the_deployment(running: Device, tool: Tool) -> None:
    done = tool("modulecred", "-m", "echo")
    assert done.returncode == 0, done.stdout + done.stderr
    parts = connection(done.stdout)
    assert parts["SharedAccessKey"] == modules(running)["echo"]
    assert (parts["DeviceId"], parts["ModuleId"]) == ("edge", "echo")
    assert parts["GatewayHostName"] == running.address


def test_modulecred_makes_the_module_that_it_is_asked_for(running: Device, tool: Tool, short: Path) -> None:
    """Its default is `target`; what it prints connects the SDK, with the CA of this hub."""
    assert "target" not in modules(running)
    file = short / "target.env"
    done = tool("modulecred", "-o", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert connection(done.stdout)["SharedAccessKey"] == modules(running)["target"]
    text = next(line for line in file.read_text().splitlines() if line.startswith("EdgeHubConnectionString="))
    assert running.endpoints is not None
    variables = {
        "EdgeHubConnectionString": text.partition("=")[2],
        "EdgeModuleCACertificateFile": running.endpoints["iothub"]["caFile"],
    }
    sent = subprocess.run(
        [sys.executable, "-c", SENDS_ONE],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr
    wait_for(lambda: running.command("events", "--module", "target", "--json").stdout, "its message")


def test_its_start_s_way_to_patch_twins(running: Device, tool: Tool, short: Path) -> None:
    """E.9-3: the part of `start` that runs before Docker is needed."""
    variables = json.loads(running.command("devicecred", "--json").stdout)
    code = (
        "import json, sys\nfrom iotedgehubdev.edgemanager import EdgeManager\n"
        "device, owner, certificates, content = sys.argv[1:]\n"
        "EdgeManager(device, 'gateway', certificates, owner).update_module_twin(json.loads(content))\n"
    )
    content = {"$edgeAgent": {}, "$edgeHub": {}, "echo": {"properties.desired": {"told": {"by": "the tool"}}}}
    strings = [variables[name] for name in ("DEVICE_CONNECTION_STRING", "IOTHUB_CONNECTION_STRING")]
    done = subprocess.run(
        [str(TOOL.with_name("python")), "-c", code, *strings, str(short), json.dumps(content)],
        env={"HOME": str(short), "REQUESTS_CA_BUNDLE": variables["REQUESTS_CA_BUNDLE"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert running.twin("echo", "desired")["told"] == {"by": "the tool"}


def test_without_the_ca_it_says_that_it_does_not_trust(running: Device, tool: Tool) -> None:
    done = tool("modulecred", "-m", "echo", trusting=False)
    assert done.returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in done.stdout + done.stderr
