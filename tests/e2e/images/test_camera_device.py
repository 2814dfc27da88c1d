"""The layer that gives the camera module a device of the host: who is not in the device's group may not open it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from edge_runtime.manifest import load
from release.images.record import ImagesRecord
from tests.e2e.device import ROOT

GROUP = 4242
OWNER = 4243
"""Of no image. Root as the owner could open it without its group."""
OPEN = "open('/dev/video0', 'rb').read(1); print('opened')"


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """As a driver makes /dev/video0, mode 0660. It is /dev/zero in truth."""
    path = tmp_path / "video0"
    try:
        os.mknod(path, 0o660 | stat.S_IFCHR, os.makedev(1, 5))
        os.chown(path, OWNER, GROUP)
        path.chmod(0o660)
        path.open("rb").close()
    except OSError as error:
        pytest.skip(f"this machine makes no device files here: {error}")
    return path


@pytest.fixture
def options(device: Path, platform: str) -> dict[str, Any]:
    """createOptions of the camera module in the layer."""
    environment = {"CAMERA_DEVICE": str(device), "VIDEO_GROUP_ID": str(GROUP)}
    layer = ROOT / "deployment.camera-device.template.json"
    manifest = load(layer, environment=environment, platform=platform, strict=True)
    return manifest.modules[0].create_options


@pytest.fixture
def containers(client: DockerClient) -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for identifier in made:
        client.api.remove_container(identifier, force=True)


def run(client: DockerClient, body: dict[str, Any], containers: list[str]) -> str:
    identifier = client.api.create_container_from_config(body)["Id"]  # type: ignore[no-untyped-call]
    containers.append(identifier)
    client.api.start(identifier)
    client.api.wait(identifier)
    said: bytes = client.api.logs(identifier)
    return said.decode()


@pytest.mark.parametrize("user", ["10001:10001", "0:0"])
def test_the_device_opens_for_its_group_alone(
    images: ImagesRecord, client: DockerClient, options: dict[str, Any], containers: list[str], user: str
) -> None:
    body = {
        **options,
        "Image": images.images["camera"].reference,
        "User": user,
        "Cmd": ["python3", "-c", OPEN],
    }
    assert run(client, body, containers).strip() == "opened"
    host = client.api.inspect_container(containers[0])["HostConfig"]
    assert host["GroupAdd"] == [str(GROUP)]
    assert host["Devices"][0]["PathInContainer"] == "/dev/video0"
    outside = deepcopy(body)
    del outside["HostConfig"]["GroupAdd"]
    assert "PermissionError" in run(client, outside, containers)
