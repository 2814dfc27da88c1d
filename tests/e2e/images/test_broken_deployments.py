"""`scripts/deploy` of real images by digest: deployments that break in three ways, and the last good one after each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient, DockerClient

from release.images.record import ImagesRecord
from tests.e2e.deploying import NEEDS_SDK, SOLUTION, Deploying, Template, modules_of, settings_of, template
from tests.e2e.device import Device
from tests.e2e.docker.conftest import clean_up
from tests.e2e.docker.watching import reported
from tests.e2e.images.conftest import MODULES
from tests.e2e.images.emulation import emulated, patience_s
from tests.patience import wait_for

pytestmark = [NEEDS_SDK, pytest.mark.slow]
NO_SUCH = f"sha256:{'0' * 64}"


@pytest.fixture
def deploying(platform: str, images: ImagesRecord, short: Path, client: DockerClient) -> Iterator[Deploying]:
    """A device that runs the published images."""
    api: APIClient = client.api
    state = short / "s"
    document = emulated(template(), platform)
    for name in MODULES:
        modules_of(document)[name]["settings"]["image"] = images.images[name].reference
    manifest = short / "deployment.template.json"
    manifest.write_text(json.dumps(document))
    device = Device(manifest, state, None, "--engine", "docker", "--platform", platform, **SOLUTION)
    try:
        made = Deploying(short, device.up())
        wait_for(
            lambda: connected(device) == set(MODULES), "all modules are connected", 5 * patience_s(platform)
        )
        yield made
    finally:
        device.stop()
        clean_up(api, state)


def connected(device: Device) -> set[str]:
    clients = device.twin("$edgeHub").get("clients", {})
    return {name.rpartition("/")[2] for name, one in clients.items() if one["status"] == "Connected"}


def with_fps(fps: Any, platform: str) -> Template:
    document = emulated(template(), platform)
    settings_of(document, "camera")["fps"] = fps
    return document


def crashing(platform: str) -> Template:
    document = with_fps(7, platform)
    modules_of(document)["classifier"]["env"]["MODEL"]["value"] = "/no/such/model"
    return document


def pinned(images: ImagesRecord, file: Path, **digests: str) -> str:
    """The record, with other digests for some modules."""
    changed = {
        name: image.model_copy(update={"digest": digests.get(name, image.digest)})
        for name, image in images.images.items()
    }
    images.model_copy(update={"images": changed}).write(file)
    return str(file)


@pytest.mark.timeout(7200)  # three images, of which none may be built yet, on an emulated processor
def test_the_last_good_images_run_again(
    platform: str, images: ImagesRecord, deploying: Deploying, tmp_path: Path
) -> None:
    device = deploying.device
    good = pinned(images, tmp_path / "good.json")
    to_edge = ("--device", "edge", "--yes", "--platform", platform, "--settle", "5", "--patience", "20")
    timeout_s = 4 * patience_s(platform)
    deploying.within_s = 3 * timeout_s

    def deploy(document: Template, record: str) -> tuple[int, str]:
        return deploying.deploy(document, *to_edge, "--images", record, "--timeout", f"{timeout_s}")

    code, said = deploy(with_fps(7, platform), good)
    assert code == 0, said
    last_good = deploying.sections()
    for broken, record, told in (
        (crashing(platform), good, "classifier: backoff: exit code 2"),
        (with_fps("many", platform), good, "camera: fps: refused"),
        (with_fps(9, platform), pinned(images, tmp_path / "missing.json", classifier=NO_SUCH), NO_SUCH),
    ):
        code, said = deploy(broken, record)
        assert code == 1, said
        assert told in said
        assert said.endswith("scripts/deploy: edge runs the last good deployment again\n")
        assert deploying.sections() == last_good
        for name in MODULES:
            found = reported(device, name)
            assert found["runtimeStatus"] == "running", found
            assert found["settings"]["image"] == images.images[name].reference
        assert device.twin("camera")["fps"]["value"] == 7
