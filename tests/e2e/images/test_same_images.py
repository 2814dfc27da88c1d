"""`iotedgedev build`, `docker build` and `scripts/build` make the same images; a code change builds little anew."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from docker import DockerClient

from edge_runtime.manifest import load
from release.images.record import ImagesRecord, read
from tests.e2e.device import ROOT
from tests.e2e.image_suite import Tell
from tests.e2e.images.conftest import MODULES, Iotedgedev
from tests.e2e.images.published import REGISTRY

SERVER = f"{REGISTRY}/test-images"
VARIABLES = {"CONTAINER_REGISTRY_SERVER": SERVER}
VERSION = json.loads((ROOT / "modules/camera/module.json").read_text())["image"]["tag"]["version"]


def layers(client: DockerClient, name: str) -> list[str]:
    found: list[str] = client.images.get(name).attrs["RootFS"]["Layers"]
    return found


def build(solution: Path, platform: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`scripts/build` in a solution; its record is `solution/images.json`."""
    template, record = solution / "deployment.template.json", solution / "images.json"
    return subprocess.run(
        [
            *(str(ROOT / "scripts" / "build"), "--platform", platform, "--template", str(template)),
            *("--record", str(record), *arguments),
        ],
        env={**os.environ, **VARIABLES},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_every_way_to_build_makes_the_same_layers(
    images: ImagesRecord, platform: str, solution: Path, iotedgedev: Iotedgedev, client: DockerClient
) -> None:
    iotedgedev("build", "-P", platform, **VARIABLES)
    names = {module: f"{SERVER}/{module}:{VERSION}-{platform}" for module in MODULES}
    theirs = {module: layers(client, name) for module, name in names.items()}
    assert build(solution, platform).returncode == 0
    ours = {module: layers(client, names[module]) for module in MODULES}
    for module in MODULES:
        dockerfile = solution / "modules" / module / f"Dockerfile.{platform}"
        command = ["docker", "build", "--quiet", "--file", str(dockerfile), str(solution)]
        made = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        assert theirs[module] == ours[module] == layers(client, made)
    assert {image.tag for image in read(solution / "images.json").images.values()} == {
        f"{VERSION}-{platform}"
    }


@pytest.mark.slow
def test_what_iotedgedev_pushes_is_never_overwritten(
    images: ImagesRecord, platform: str, solution: Path, iotedgedev: Iotedgedev
) -> None:
    iotedgedev("push", "-P", platform, CONTAINER_TAG="theirs", **VARIABLES)
    for module in MODULES:
        url = f"http://{REGISTRY}/v2/test-images/{module}/tags/list"
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert f"{VERSION}-theirs-{platform}" in json.load(answer)["tags"]
    (solution / ".env").write_text((solution / ".env").read_text() + "\nCONTAINER_TAG=theirs\n")
    refused = build(solution, platform, "--push")
    assert refused.returncode == 1
    assert refused.stderr.count("is published by another tool") == len(MODULES)
    assert not (solution / "images.json").exists()


@pytest.mark.slow
def test_a_published_version_is_refused_to_other_code_and_given_to_the_same(
    images: ImagesRecord, platform: str, solution: Path
) -> None:
    version = f"test{time.time_ns()}"
    with (solution / ".env").open("a") as env:
        env.write(f"\nCONTAINER_TAG={version}\n")
    only = ("--module", "results_filter", "--push")
    assert build(solution, platform, *only).returncode == 0
    first = read(solution / "images.json").images["results_filter"]
    again = build(solution, platform, *only)
    assert again.returncode == 0
    assert read(solution / "images.json").images["results_filter"] == first.model_copy(
        update={"build_seconds": None, "unpacked_bytes": None}
    )
    _change(solution, "results_filter")
    refused = build(solution, platform, *only)
    assert refused.returncode == 1
    assert "with other content" in refused.stderr
    assert build(solution, platform, *only, "--version-from-content").returncode == 0
    changed = read(solution / "images.json").images["results_filter"]
    assert changed.tag == f"{VERSION}-{version}-{changed.content_sha256[:12]}-{platform}"
    assert changed.digest != first.digest


@pytest.mark.slow
@pytest.mark.parametrize("changed", MODULES)
def test_a_code_change_builds_the_code_s_layers_alone(
    images: ImagesRecord, platform: str, solution: Path, client: DockerClient, tell: Tell, changed: str
) -> None:
    only = ("--module", changed)
    assert build(solution, platform, *only).returncode == 0
    before = layers(client, f"{SERVER}/{changed}:{VERSION}-{platform}")
    _change(solution, changed)
    started = time.monotonic()
    assert build(solution, platform, *only).returncode == 0
    tell(f"{platform} {changed}: a code change is built in {time.monotonic() - started:.1f} s")
    after = layers(client, f"{SERVER}/{changed}:{VERSION}-{platform}")
    # Of the last: its own code, and the bytecode of /app.
    assert (len(after), after[:-2]) == (len(before), before[:-2])
    assert after[-1] != before[-1]


@pytest.mark.slow
def test_a_package_without_a_wheel_fails_at_once_with_its_name(
    images: ImagesRecord, platform: str, solution: Path
) -> None:
    for lock in (solution / "modules/results_filter/requirements").glob("a*.txt"):
        lock.write_text(f"paho-mqtt==1.6.1 --hash=sha256:{'0' * 64}\n{lock.read_text()}")
    failed = build(solution, platform, "--module", "results_filter")
    assert failed.returncode == 1
    assert "No matching distribution found for paho-mqtt==1.6.1" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (solution / "images.json").exists()


TEMPLATES = (
    "deployment.template.json",
    "deployment.debug.template.json",
    "deployment.camera-device.template.json",
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_iotedgedev_expands_as_we_do(
    platform: str, solution: Path, iotedgedev: Iotedgedev, template: str
) -> None:
    if "debug" in template and platform != "amd64":
        pytest.skip("debug images are for amd64")
    iotedgedev("genconfig", "-P", platform, "-f", template, **VARIABLES)
    generated = solution / "config" / template.replace(".template.json", f".{platform}.json")
    ours = load(solution / template, environment=VARIABLES, platform=platform, strict=True)
    assert ours.text() == generated.read_text()
    assert f"{SERVER}/camera:{VERSION}-{platform}" in ours.text()


def _change(solution: Path, module: str) -> None:
    file = solution / "modules" / module / module / "__init__.py"
    file.write_text(f"{file.read_text()}\nCHANGED = {time.time_ns()}\n")
