"""The runtime speaks with another client than the one it was written for: the Node SDK, from npm."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device
from tests.e2e.method_modules import Caller, calling, serving
from tests.e2e.mqtt_client import connect
from tests.edge.manifest import deployment, route
from tests.npm import installed
from tests.patience import PATIENCE_S, wait_for

HERE = Path(__file__).with_name("node")
ROUTES = {
    "there": route("alpha", "out", "second", "in"),
    "back": "FROM /messages/modules/second/outputs/out INTO $upstream",
}


@pytest.fixture(scope="session")
def node_modules() -> Path:
    return installed(HERE)


@pytest.mark.parametrize("folder", [HERE, ROOT / "tests" / "page" / "static"])
def test_the_lock_names_no_registry(folder: Path) -> None:
    lock = json.loads((folder / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all("resolved" not in entry for entry in packages.values())
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())


class Second:
    """The Node program, as a module."""

    def __init__(self, device: Device, node_modules: Path) -> None:
        self._output = device.state.with_name("second.out")
        environment = {
            "PATH": os.environ["PATH"],
            "NODE_PATH": str(node_modules),
            **device.environment_of("second"),
        }
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                ["node", str(HERE / "echo.js")],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
            )

    def said(self, name: str) -> dict[str, Any]:
        """The document with this key."""

        def found() -> dict[str, Any] | None:
            lines = self._output.read_text().splitlines()
            assert self.process.poll() is None, lines
            return next((document for document in map(_read, lines) if name in document), None)

        document: dict[str, Any] = wait_for(found, f"{name!r} from node")
        return document

    def end(self) -> int:
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


def _read(line: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return document


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_node_sdk_sends_receives_and_reads_its_twin(
    device: StartDevice, node_modules: Path
) -> None:
    manifest = deployment({"alpha": {}, "second": {"answer": 42}}, ROUTES)
    running = device(manifest, "--without", "alpha", "--without", "second").up()
    second = Second(running, node_modules)
    try:
        assert second.said("desired")["desired"]["answer"] == 42
        assert second.said("reported")["reported"] is None
        assert running.twin("second")["seen"] is True
        async with connect(running, "alpha") as client:
            bag = "%24.on=out&%24.mid=m1&key=value%20%C3%A9"
            await client.publish(f"devices/edge/modules/alpha/messages/events/{bag}", b"hello")
        received = second.said("input")
        assert (received["input"], received["body"]) == ("in", "hello")
        assert received["properties"]["key"] == "value é"
        assert second.said("sent")["sent"] is None
        assert second.end() == 0
    finally:
        second.process.kill()
        second.process.wait()
    arrived = wait_for(lambda: running.command("events", "--json").stdout, "the answer upstream")
    event = json.loads(arrived)
    assert (event["moduleId"], event["output"], event["body"]) == ("second", "out", "hello")
    assert event["properties"] == {"from": "node/é =&?"}
    assert event["systemProperties"]["message-id"] == "answer to m1"


def call_node(device: Device, node_modules: Path, **variables: str) -> AbstractContextManager[Caller]:
    """caller.js as module `caller`."""
    command = ("node", str(HERE / "caller.js"))
    return calling(device, "caller", command, NODE_PATH=str(node_modules), **variables)


@pytest.mark.slow
def test_the_node_sdk_invokes_a_method_of_another_module(device: StartDevice, node_modules: Path) -> None:
    running = device(
        deployment({"caller": {}, "service": {}}, {}), "--without", "caller", "--without", "service"
    )
    with call_node(running.up(), node_modules) as caller, serving(running):
        assert caller.read() == {"ready": True}
        odd = {"text": "ünï + % &", "deep": [{"a": None}]}
        assert caller.invoke("echo", odd) == {"status": 200, "payload": odd}
        assert caller.invoke("echo", 1, of="caller") == {"status": 200, "payload": 1}
        assert caller.invoke("echo", of="nobody") == "Error: Not found"
        assert "responseTimeoutInSeconds: a number from 5" in caller.invoke(
            "echo", responseTimeoutInSeconds=4
        )


@pytest.mark.slow
def test_the_node_sdk_renews_its_token(device: StartDevice, node_modules: Path) -> None:
    running = device(deployment({"caller": {}}, {}), "--without", "caller").up()
    assert running.endpoints is not None
    metrics = f"http://{running.endpoints['metrics']['edgeHub']}/metrics"

    def connections() -> float:
        """Of the module, so far."""
        with urllib.request.urlopen(metrics, timeout=PATIENCE_S) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
        name, client = "edgehub_client_connect_success_total", "edge/caller"
        return sum(s.value for s in samples if s.name == name and s.labels["id"] == client)

    with call_node(running, node_modules, RENEW_EVERY_S="1") as caller:
        assert caller.read() == {"ready": True}
        wait_for(lambda: connections() > 3, "three renewals")
        called = running.command("method", "caller", "echo", "--payload", "7", "--timeout", "60")
        assert (called.returncode, called.stdout.strip()) == (0, "7"), called.stderr
    assert "not_authenticated" not in running.snapshot()["dropped"]


@pytest.mark.slow
def test_the_node_sdk_over_websockets(device: StartDevice, node_modules: Path) -> None:
    running = device(deployment({"caller": {}}, {}), "--without", "caller").up()
    with call_node(running, node_modules, WEBSOCKETS="1") as caller:
        assert caller.read() == {"ready": True}
        called = running.command("method", "caller", "echo", "--payload", "[7]", "--timeout", "60")
        assert (called.returncode, json.loads(called.stdout)) == (0, [7]), called.stderr
        assert caller.invoke("echo", 1, of="caller") == {"status": 200, "payload": 1}
