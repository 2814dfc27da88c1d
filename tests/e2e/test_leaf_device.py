"""Devices beside the modules: the unmodified device SDK through the hub, made with the command line alone."""

from __future__ import annotations

import json
import queue
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device, python_path
from tests.e2e.service_sdk import model, service_sdk
from tests.edge.manifest import deployment
from tests.patience import PATIENCE_S, wait_for

ROUTES = {"up": "FROM /messages/* INTO $upstream"}


class Leaf:
    """A process that runs leaf.py."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._passed: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def tell(self, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def until(self, name: str, value: Any = ...) -> dict[str, Any]:
        """The next line that has `name`, with this value if one is given; what comes before it stays for later."""
        for line in self._passed:
            if name in line and value in (..., line[name]):
                self._passed.remove(line)
                return line
        while True:
            line = self._lines.get(timeout=PATIENCE_S)
            if name in line and value in (..., line[name]):
                return line
            self._passed.append(line)


@contextmanager
def leaf_process(variables: dict[str, str], log: Path) -> Iterator[Leaf]:
    """One that may not get in."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("leaf.py"))],
            env={**python_path(), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield Leaf(process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def leaf(variables: dict[str, str], log: Path) -> Iterator[Leaf]:
    """Listens to everything once this is entered."""
    with leaf_process(variables, log) as one:
        one.until("ready")
        yield one


def refused_as(running: Device, variables: dict[str, str], folder: Path, reason: str) -> None:
    """A device with these variables is kept out, and the hub's log says why."""
    said = f"not authenticated ({reason})"
    with leaf_process(variables, folder / "refused.log"):
        wait_for(lambda: said in running.log("edgeHub"), said)


def add(running: Device, name: str) -> dict[str, str]:
    """Make a device; the variables that it is told."""
    made = running.command("device", "add", name, "--json")
    assert made.returncode == 0, made.stderr
    variables: dict[str, str] = json.loads(made.stdout)
    return variables


def listed(running: Device) -> list[tuple[str, bool, str | None]]:
    shown = running.command("device", "list", "--json").stdout.splitlines()
    return [(one["device"], one["connected"], one["barred"]) for one in map(json.loads, shown)]


@pytest.fixture
def running(device: StartDevice) -> Device:
    return device(deployment({}, ROUTES)).up()


def test_telemetry_twin_and_methods(running: Device, short: Path) -> None:
    """A.1-8, E.2-14: the service's side is the unmodified service SDK."""
    variables = add(running, "lamp")
    with service_sdk(running) as sdk, leaf(variables, short / "lamp.log") as lamp:
        assert sdk.registry("get_device", "lamp")["connectionState"] == "Connected"
        assert listed(running) == [("lamp", True, None)]
        lamp.tell(send={"body": "hello", "id": "m1", "properties": {"colour": "red/=&"}})
        lamp.until("sent", "hello")

        def event() -> Any:
            shown = running.command("events", "--json").stdout
            return next(map(json.loads, shown.splitlines()), None)

        seen = wait_for(event, "the event upstream")
        assert (seen["deviceId"], seen["moduleId"], seen["output"]) == ("lamp", None, None)
        assert seen["properties"] == {"colour": "red/=&"}
        assert seen["systemProperties"]["iothub-connection-device-id"] == "lamp"
        assert seen["systemProperties"]["message-id"] == "m1"
        properties = model("TwinProperties", desired={"on": True})
        sdk.registry("update_twin", "lamp", model("Twin", tags={"room": "a"}, properties=properties))
        assert lamp.until("patch")["patch"]["on"] is True
        lamp.tell(report={"on": True})
        lamp.until("reported")
        assert sdk.registry("get_twin", "lamp")["properties"]["reported"]["on"] is True
        lamp.tell(twin=None)
        twin = lamp.until("twin")["twin"]
        assert (twin["desired"]["on"], twin["reported"]["on"]) == (True, True)
        method = model("CloudToDeviceMethod", method_name="blink", payload={"times": 2})
        answer = sdk.registry("invoke_device_method", "lamp", method)
        assert answer == {"status": 207, "payload": {"got": {"times": 2}}}
        assert lamp.until("method")["method"] == "blink"


def test_it_survives_the_runtime_and_is_disabled_and_deleted(
    running: Device, device: StartDevice, short: Path
) -> None:
    variables = add(running, "lamp")
    add(running, "other")
    with leaf(variables, short / "lamp.log"):
        assert running.stop() == 0
    # A new process of it: paho's thread may die of a connection that ends so (module_kit mends that for modules).
    again = device(deployment({}, ROUTES)).up()
    with leaf(variables, short / "lamp.log") as lamp:
        assert listed(again)[0] == ("lamp", True, None)
        lamp.tell(send={"body": "after"})
        lamp.until("sent", "after")
        assert again.command("device", "disable", "lamp").returncode == 0
        gone = [("lamp", False, "disabled_identity"), ("other", False, None)]
        wait_for(lambda: listed(again) == gone, "it is disconnected")
    refused_as(again, variables, short, "disabled_identity")
    assert again.command("device", "enable", "lamp").returncode == 0
    with leaf(variables, short / "lamp.log"):
        assert listed(again)[0] == ("lamp", True, None)
        assert again.command("device", "remove", "lamp").returncode == 0
    refused_as(again, variables, short, "unknown_identity")
    assert listed(again) == [("other", False, None)]
    refused = again.command("device", "remove", "lamp")
    assert (refused.returncode, refused.stderr) == (1, "there is no device 'lamp'\n")


def test_a_device_without_parent_is_told_apart(running: Device) -> None:
    with service_sdk(running) as sdk:
        sdk.registry("create_device_with_sas", "stray", "", "", "enabled")
        scope = sdk.registry("get_device", "edge")["deviceScope"]
        sdk.registry("create_device_with_sas", "child", "", "", "enabled", False, None, scope)
    assert listed(running) == [("child", False, None), ("stray", False, "not_a_child")]
    shown = running.command("device", "show", "stray")
    assert shown.returncode == 0
    assert "deviceScope" in shown.stderr
    # The key is on standard output alone, quoted for a shell.
    assert shown.stdout.startswith("IOTHUB_DEVICE_CONNECTION_STRING='HostName=")
    assert "SharedAccessKey" not in shown.stderr
    table = running.command("device", "list").stdout.splitlines()
    assert table[0].split() == ["DEVICE", "CONNECTED", "WAITING", "MAY", "CONNECT"]
    assert [line.split()[0] for line in table[1:]] == ["child", "stray"]
    again = running.command("device", "add", "child")
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists" in again.stderr


def test_messages_to_a_device(running: Device, device: StartDevice, short: Path) -> None:
    """B.6-2, B.6-3, E.2-28, E.6-1: kept until the device's PUBACK, also across the runtime's own restart."""
    variables = add(running, "lamp")
    sent = running.command("c2d", "lamp", "first", "--property", "colour=red/=&", "--message-id", "m1")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert running.command("c2d", "nobody", "x").stderr == "there is no device 'nobody'\n"
    assert running.stop() == 0
    again = device(deployment({}, ROUTES)).up()
    with service_sdk(again) as sdk:

        def waiting() -> int:
            count: int = sdk.registry("get_device", "lamp")["cloudToDeviceMessageCount"]
            return count

        assert waiting() == 1
        with leaf(variables, short / "lamp.log") as lamp:
            first = lamp.until("message")
            # $.to is in the topic, and the SDK keeps it to itself; who sent it is nobody's name.
            assert first == {
                "message": "first",
                "properties": {"colour": "red/=&"},
                "id": "m1",
                "correlation": None,
                "type": None,
            }
            wait_for(lambda: waiting() == 0, "the message is completed")
            for body in ("second", "third"):
                assert again.command("c2d", "lamp", body, "--content-type", "text/plain").returncode == 0
            assert [lamp.until("message")["message"] for _ in range(2)] == ["second", "third"]
            wait_for(lambda: waiting() == 0, "all are completed")
        for number in range(3):
            again.command("c2d", "lamp", str(number))
        assert waiting() == 3
        purge = "protocol.cloud_to_device_messages.purge_cloud_to_device_message_queue"
        assert sdk.registry(purge, "lamp") == {"totalMessagesPurged": 3, "deviceId": "lamp"}
        assert waiting() == 0


def test_a_device_with_a_certificate(running: Device, short: Path) -> None:
    """A.6-6b, A.6-19c: no password, and who shows no certificate is let in as before; a model goes along too."""
    made = running.command("device", "add", "meter", "--x509", "--json")
    assert made.returncode == 0, made.stderr
    variables = json.loads(made.stdout)
    key = Path(variables["IOTHUB_DEVICE_X509_KEY"])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "PRIVATE" not in made.stdout
    model_id = "dtmi:com:example:Meter;1"
    with leaf({**variables, "PRODUCT_INFO": model_id}, short / "meter.log") as meter:
        meter.tell(send={"body": "42"})
        meter.until("sent", "42")

        def event() -> Any:
            shown = running.command("events", "--json").stdout
            return next(map(json.loads, shown.splitlines()), None)

        seen = wait_for(event, "the event upstream")
        assert (seen["deviceId"], seen["systemProperties"]["dt-dataschema"]) == ("meter", model_id)
        assert listed(running) == [("meter", True, None)]
    # Another device's certificate is good for TLS, and not for this device.
    add(running, "lamp")
    variables["IOTHUB_DEVICE_ID"] = "lamp"
    refused_as(running, variables, short, "unknown_certificate")
    assert running.command("device", "disable", "meter").returncode == 0
    assert listed(running)[1] == ("meter", False, "disabled_identity")
