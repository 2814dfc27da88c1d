"""The solution's own images, made by plain `docker build`, deployed by its own template with all its limits."""

from __future__ import annotations

import pytest
from docker import APIClient

from tests.e2e.device import ROOT, TEMPLATE
from tests.e2e.docker.conftest import StartContainers, build, ours
from tests.e2e.docker.watching import reported, upstream
from tests.patience import wait_for

REGISTRY = "127.0.0.1:1"
"""Refuses at once, so that the images of this machine are used."""
MODULES = ("camera", "classifier", "results_filter")


@pytest.mark.slow
@pytest.mark.timeout(1800)  # three images, of which none may be cached
def test_frames_become_events_upstream(containers: StartContainers, api: APIClient) -> None:
    for name in MODULES:
        build(ROOT / "modules" / name / "Dockerfile.amd64", ROOT, f"{REGISTRY}/{name}:0.1.0-amd64")
    variables = {"CONTAINER_REGISTRY_SERVER": REGISTRY, "DEFAULT_PLATFORM": "amd64", "CAMERA_FRAMES": "40"}
    device = containers(manifest=TEMPLATE, variables=variables).up()

    def events() -> list[str]:
        found = (event for event in upstream(device) if event.get("schema") == "event/1")
        return [event["label"] for event in found]

    wait_for(events, "an event upstream")
    for container in ours(api, device.state):
        host = api.inspect_container(container["Id"])["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"] > 0
    assert {name: reported(device, name)["restartCount"] for name in MODULES} == dict.fromkeys(MODULES, 0)
    assert device.stop() == 0
