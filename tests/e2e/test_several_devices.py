"""Two devices on one machine: an address each, the same manifest, both with an IoT Hub of their own (G-1)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartDevice, ending
from tests.e2e.device import TEMPLATE, Device, edge_runtime
from tests.e2e.service_sdk import PYTHON, SETUP, ServiceSdk, service_sdk
from tests.e2e.test_service_sdk import commands, manifest
from tests.patience import wait_for

StartOther = Callable[..., Device]
PIPELINE = {"camera", "classifier", "results_filter"}


@pytest.fixture
def other(short: Path) -> Iterator[StartOther]:
    """Start the device `second`: `other(manifest, address, *arguments, **variables)`."""
    state = short / "s2"

    def start(path: Path, address: str, *arguments: str, **variables: str) -> Device:
        started.append(Device(path, state, address, "--device", "second", *arguments, **variables))
        return started[-1]

    with ending(state) as started:
        yield start


def next_to(device: Device) -> str:
    return str(IPv4Address(device.address) + 1)


def listed(*devices: Device) -> dict[str, dict[str, Any]]:
    """What `running` says of these, by name; other tests may run others."""
    shown = [json.loads(line) for line in edge_runtime("running", "--json").stdout.splitlines()]
    return {one["device"]: one for one in shown if Path(one["state"]) in {d.state for d in devices}}


def senders(device: Device) -> set[str]:
    """The devices whose events arrived at this one's IoT Hub."""
    shown = device.command("events", "--output", "events", "--json").stdout
    return {
        json.loads(line)["systemProperties"]["iothub-connection-device-id"] for line in shown.splitlines()
    }


@pytest.mark.slow
def test_two_pipelines_run_side_by_side(device: StartDevice, other: StartOther) -> None:
    first = device(None, CAMERA_FPS="20").up()
    second = other(TEMPLATE, next_to(first), CAMERA_FPS="20").up()
    wait_for(lambda: senders(first) == {"edge"}, "events of the first")
    wait_for(lambda: senders(second) == {"second"}, "events of the second")
    found = listed(first, second)
    assert {name: (one["address"], set(one["modules"])) for name, one in found.items()} == {
        "edge": (first.address, PIPELINE),
        "second": (second.address, PIPELINE),
    }
    # What one is told the other does not hear.
    assert second.command("twin", "camera", "--patch", '{"fps": 3}').returncode == 0
    wait_for(lambda: second.twin("camera").get("fps", {}).get("value") == 3, "the second camera's twin")
    assert "fps" not in first.twin("camera", "desired")
    before = {name: first.module(name)["pid"] for name in PIPELINE}
    assert second.stop() == 0
    assert set(listed(first, second)) == {"edge"}
    assert {name: first.module(name)["pid"] for name in PIPELINE} == before
    assert first.stop() == 0


def is_ready(sdk: ServiceSdk, device: str) -> bool:
    """Whether its module has reported."""
    twin = sdk.registry("get_module_twin", device, "echo")
    return bool(twin["properties"]["reported"].get("ready"))


@pytest.mark.skipif(not PYTHON.exists(), reason=f"the service SDK is not there ({SETUP})")
def test_each_has_an_iot_hub_of_its_own(device: StartDevice, other: StartOther, short: Path) -> None:
    first = device({"modulesContent": manifest(echo={})}, *commands("echo")).up()
    second = other(short / "deployment.json", next_to(first), *commands("echo")).up()
    with service_sdk(first) as one, service_sdk(second) as two:
        assert [found["deviceId"] for found in one.registry("get_devices", 10)] == ["edge"]
        assert [found["deviceId"] for found in two.registry("get_devices", 10)] == ["second"]
        wait_for(lambda: is_ready(one, "edge"), "the first one's module")
        wait_for(lambda: is_ready(two, "second"), "the second one's module")


def test_an_address_that_another_device_has_is_told_with_its_name_and_a_free_one(
    device: StartDevice, other: StartOther, short: Path
) -> None:
    first = device({"modulesContent": manifest(echo={})}, "--without", "echo").up()
    refused = other(short / "deployment.json", first.address, "--without", "echo")
    assert refused.process.wait() == 3
    said = refused.said()
    assert f"{first.address}:8883 belongs to the device 'edge' (process {first.process.pid}, " in said
    assert str(first.state) in said
    assert "Traceback" not in said
    assert "9601" not in said, "one thing is wrong, and one is told"
    advised = re.search(r"--address (127\.[\d.]+)", said)
    assert advised is not None
    assert other(short / "deployment.json", advised[1], "--without", "echo").up().stop() == 0
    assert first.process.poll() is None


def test_a_device_whose_run_was_killed_is_listed_as_such(device: StartDevice) -> None:
    first = device({"modulesContent": manifest(echo={})}, *commands("echo")).up()
    first.module("echo")
    first.kill()
    (found,) = listed(first).values()
    assert (found["supervisor"], found["modules"]) == (None, ["echo"])
    shown = edge_runtime("running")
    assert shown.returncode == 0
    (line,) = [line for line in shown.stdout.splitlines() if str(first.state) in line]
    assert set(line.replace("│", " ").split()) >= {"edge", first.address, "killed", "echo"}
