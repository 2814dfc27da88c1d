"""A Docker engine that ends, is killed and comes back while a device runs on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.device import Device, alive, end_all
from tests.e2e.docker.deployment import deployment, module
from tests.e2e.docker.private_engine import PrivateEngine, private_engine
from tests.e2e.docker.watching import call, reported, until_status, upstream
from tests.patience import wait_for

UPSTREAM = {"up": "FROM /messages/modules/pipe/outputs/out INTO $upstream"}


@pytest.fixture
def engine(short: Path) -> Iterator[PrivateEngine]:
    folder = short / "engine"
    folder.mkdir()
    found = private_engine(folder)
    yield found
    found.close()


@pytest.fixture
def device(short: Path, engine: PrivateEngine, image: str) -> Iterator[Device]:
    engine.load(image)
    manifest = short / "deployment.json"
    manifest.write_text(json.dumps(deployment({"pipe": module(image)}, UPSTREAM)))
    found = Device(manifest, short / "s", None, "--engine", "docker", DOCKER_HOST=engine.host)
    yield found
    found.process.kill()
    found.process.wait()
    end_all(found.state)


def said_upstream(device: Device, text: str) -> None:
    call(device, "pipe", "send", {"output": "out", "text": f'"{text}"'})
    wait_for(lambda: text in upstream(device), f"{text} upstream")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_modules_run_again_once_the_engine_is_back_and_the_hub_went_on(
    device: Device, engine: PrivateEngine, how: str
) -> None:
    hub = device.up().hub()
    said_upstream(device, "before")
    (engine.stop if how == "stop" else engine.kill)()
    wait_for(lambda: "no events of the containers" in device.said(), "the warning")
    engine.start()
    until_status(device, "pipe", "backoff")
    wait_for(lambda: reported(device, "pipe")["restartCount"] > 0, "the restart")
    said_upstream(device, "after")
    assert device.hub() == hub
    assert device.stop() == 0


@pytest.mark.slow
def test_a_module_is_not_called_stopped_while_the_engine_is_away_and_a_run_can_end_without_it(
    device: Device, engine: PrivateEngine
) -> None:
    hub = device.up().hub()
    until_status(device, "pipe", "running")
    engine.kill()
    device.control.patch_desired("$edgeAgent", {"modules": {"pipe": {"status": "stopped"}}})
    wait_for(lambda: "could not be stopped" in reported(device, "pipe")["statusDescription"], "the complaint")
    assert reported(device, "pipe")["runtimeStatus"] == "running"
    assert device.stop() == 0
    assert "may be left" in device.said()
    assert not alive(hub)
