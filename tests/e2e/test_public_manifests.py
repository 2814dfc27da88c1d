"""Manifests as other people write them (tests/solutions/manifests), with the real SDK in every module and device."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device
from tests.e2e.service_sdk import PYTHON, SETUP, model, service_sdk
from tests.e2e.test_leaf_device import add, leaf
from tests.patience import wait_for

MANIFESTS = ROOT / "tests" / "solutions" / "manifests"
RELAY = f"{sys.executable} {ROOT / 'tests' / 'solutions' / 'relay.py'}"


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((MANIFESTS / f"{name}.json").read_text())
    return document


def modules_of(manifest: dict[str, Any]) -> list[str]:
    return list(manifest["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"])


def commands(*modules: str) -> list[str]:
    return [argument for name in modules for argument in ("--module", f"{name}={RELAY}")]


def paths(device: Device, module: str) -> list[list[str]]:
    """What this module's messages that arrived upstream have passed through."""
    shown = device.command("events", "--module", module, "--json").stdout
    return [json.loads(line)["body"]["path"] for line in shown.splitlines()]


@pytest.mark.slow
def test_many_modules_in_a_row(device: StartDevice) -> None:
    manifest = read("many")
    names = modules_of(manifest)
    assert len(names) == 12
    running = device(manifest, *commands(*names)).up()
    wait_for(lambda: paths(running, names[-1]), "a message has passed through all of them")
    assert all(path == names for path in paths(running, names[-1]))
    for number, name in enumerate(names, 1):
        wait_for(lambda name=name: "position" in running.twin(name), f"the twin of {name}")  # type: ignore[misc]
        assert running.twin(name)["position"] == number
    reported = running.twin("$edgeAgent")
    assert {name: one["runtimeStatus"] for name, one in reported["modules"].items()} == dict.fromkeys(
        names, "running"
    )
    assert running.snapshot()["dropped"] == {}
    assert running.stop() == 0


def test_a_device_beside_the_modules_and_routes_that_tell_them_apart(
    device: StartDevice, short: Path
) -> None:
    manifest = read("gateway")
    running = device(manifest, *commands(*modules_of(manifest))).up()
    with leaf(add(running, "sensor"), short / "sensor.log") as sensor:
        sensor.tell(send={"body": '{"path": ["sensor"]}', "id": "1"})
        sensor.tell(send={"body": '{"path": ["sensor"]}', "id": "2", "properties": {"level": "alarm"}})
        wait_for(lambda: len(paths(running, "translator")) == 2, "both messages, translated")
        wait_for(lambda: paths(running, "siren"), "the alarm")
    assert paths(running, "translator") == [["sensor", "translator"]] * 2
    assert paths(running, "siren") == [["sensor", "translator", "siren"]], "the alarm alone"
    shown = running.command("events", "--json").stdout.splitlines()
    assert {json.loads(line)["moduleId"] for line in shown} == {"translator", "siren"}
    assert running.twin("translator")["unit"] == "celsius"


@pytest.mark.skipif(not PYTHON.exists(), reason=f"the service SDK is not there ({SETUP})")
def test_a_base_and_layers_over_it(device: StartDevice) -> None:
    base = read("base")
    running = device(base, *commands("counter", "auditor")).up()
    contents = {"base": base["modulesContent"]} | {
        name: read(f"layer.{name}")["content"]["modulesContent"] for name in ("auditor", "relaxed")
    }
    with service_sdk(running) as sdk:
        for priority, (name, content) in enumerate(contents.items(), 10):
            made = model(
                "Configuration",
                id=name,
                priority=priority,
                target_condition="tags.site = 'harbour'",
                content=model("ConfigurationContent", modules_content=content),
            )
            sdk.configuration("create_configuration", made)
        wait_for(lambda: paths(running, "counter"), "the manifest's module sends")
        assert set(running.twin("$edgeAgent", "desired")["modules"]) == {"counter"}
        sdk.registry("update_twin", "edge", model("Twin", tags={"site": "harbour"}))
        wait_for(lambda: ["counter", "auditor"] in paths(running, "auditor"), "the layer's module takes part")
        assert running.twin("auditor", "desired")["strict"] is False, "the higher layer's word"
        assert running.twin("counter", "desired")["audited"] == {"by": "auditor"}
        assert running.twin("counter", "desired")["interval"] == 1, "the base's own word stays"
        sdk.registry("update_twin", "edge", model("Twin", tags={"site": None}))
        sdk.configuration("delete_configuration", "auditor")
    assert running.stop() == 0
