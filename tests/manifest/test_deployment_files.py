"""The solution's own templates, variables and image locks."""

from __future__ import annotations

import importlib
import re
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel

from edge_runtime.manifest import Manifest, load
from edge_runtime.manifest.check import check
from edge_runtime.manifest.create_options import minified
from edge_runtime.routing import parse_routes
from module_kit.logs import level_of

ROOT = Path(__file__).parents[2]
TEMPLATES = ("deployment.template.json", "deployment.debug.template.json")
CAMERA_LAYER = "deployment.camera-device.template.json"
SETTINGS = {
    "camera": "CameraSettings",
    "classifier": "ClassifierSettings",
    "results_filter": "FilterSettings",
}
CREDIT_WINDOW_S = 15


def manifest(name: str = TEMPLATES[0]) -> Manifest:
    return load(ROOT / name, environment={}, env_file=ROOT / ".env.template", platform="amd64")


@pytest.mark.parametrize("name", [*TEMPLATES, CAMERA_LAYER])
def test_the_doctor_finds_nothing(name: str) -> None:
    assert check(manifest(name)) == []


def test_the_debug_template_differs_in_images_and_debug_ports_alone() -> None:
    for release, debug in zip(manifest().modules, manifest(TEMPLATES[1]).modules, strict=True):
        assert debug.image == f"{release.image}.debug"
        options = {**debug.create_options, "HostConfig": dict(debug.create_options["HostConfig"])}
        assert options.pop("ExposedPorts") == {"5678/tcp": {}}
        assert options["HostConfig"].pop("PortBindings")["5678/tcp"][0]["HostIp"] == "127.0.0.1"
        assert options == release.create_options
        assert (debug.env, debug.startup_order) == (release.env, release.startup_order)


def test_the_camera_layer_adds_the_device_its_group_and_the_source_alone() -> None:
    (layer,) = manifest(CAMERA_LAYER).modules
    base = next(spec for spec in manifest().modules if spec.name == "camera")
    host = dict(layer.create_options["HostConfig"])
    device = {"PathOnHost": "/dev/video0", "PathInContainer": "/dev/video0", "CgroupPermissions": "rw"}
    assert host.pop("Devices") == [device]
    assert host.pop("GroupAdd") == ["44"]  # the host's group by its number: the image's names are its own
    assert {**layer.create_options, "HostConfig": host} == base.create_options
    assert layer.env == {**base.env, "SOURCE": "camera:0"}
    assert (layer.image, layer.startup_order, layer.restart_policy, layer.status) == (
        *(base.image, base.startup_order, base.restart_policy, base.status),
    )


@pytest.mark.parametrize("name", [*TEMPLATES, CAMERA_LAYER])
def test_create_options_leave_room_in_their_four_kilobytes(name: str) -> None:
    for spec in manifest(name).modules:
        assert len(minified(spec.create_options)) <= 2048, spec.name


def test_every_variable_is_explained_in_the_line_above_it() -> None:
    lines = (ROOT / ".env.template").read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names))
    assert {
        "CONTAINER_REGISTRY_SERVER",
        "CONTAINER_REGISTRY_USERNAME",
        "CONTAINER_REGISTRY_PASSWORD",
        "IOTHUB_CONNECTION_STRING",
        "DEVICE_CONNECTION_STRING",
    } <= set(names)
    for before, line in pairwise(lines):
        if re.match(r"[A-Z_]+=", line):
            assert before.startswith("# "), f"{line}: no explanation"


@pytest.mark.parametrize("module", SETTINGS)
def test_an_environment_value_of_the_template_is_a_setting_of_the_module(module: str) -> None:
    settings: type[BaseModel] = getattr(importlib.import_module(f"{module}.settings"), SETTINGS[module])
    spec = next(spec for spec in manifest().modules if spec.name == module)
    assert level_of(spec.env["LOG_LEVEL"])  # read where the module's logs begin, no setting of its own
    variables = {name: value for name, value in spec.env.items() if name != "LOG_LEVEL"}
    given = {name.lower(): value for name, value in variables.items() if value}
    assert {name.lower() for name in variables} <= set(settings.model_fields)
    settings.model_validate(given)  # what .env.template gives is in range


def test_messages_of_a_feed_outlive_the_credit_window() -> None:
    desired = manifest().modules_content["$edgeHub"]["properties.desired"]
    routes = {
        route.name: route for route in parse_routes(desired["routes"], device_id="edge", schema_version="1.2")
    }
    assert desired["routes"]["frames"]["timeToLiveSecs"] > CREDIT_WINDOW_S
    assert desired["storeAndForwardConfiguration"]["timeToLiveSecs"] == 7200
    assert routes["credits"].priority == 0
    assert routes["eventsUpstream"].priority < routes["summariesUpstream"].priority
    assert set(routes) == {
        *("credits", "frames", "predictions", "eventsUpstream", "predictionsUpstream", "summariesUpstream")
    }


@pytest.mark.parametrize("module", SETTINGS)
def test_a_container_is_confined(module: str) -> None:
    spec = next(spec for spec in manifest().modules if spec.name == module)
    host = spec.create_options["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"] is True
    assert set(host["Tmpfs"]) == {"/tmp"}
    assert 64 * 2**20 <= host["Memory"] <= 512 * 2**20
    assert host["PidsLimit"] > 0
    assert host["CpuQuota"] > 0
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert spec.restart_policy == "always"


def pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-zA-Z0-9._-]+)==(\S+)", file.read_text(), re.MULTILINE))


LOCKS = sorted([*ROOT.glob("modules/*/requirements/*.txt"), *ROOT.glob("serving/requirements/*.txt")])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda f: f"{f.parents[1].name}-{f.stem}")
def test_an_image_lock_is_hashed_and_names_no_index(lock: Path) -> None:
    text = lock.read_text().replace("\\\n", " ")
    assert pins(lock)
    assert not re.search(r"index|://", text)
    for line in text.splitlines():
        assert re.fullmatch(r"[a-z0-9._-]+==\S+( +--hash=sha256:[0-9a-f]{64})+\s*", line), line[:60]


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_the_scoring_service_runs_the_versions_that_its_tests_run(architecture: str) -> None:
    tested = pins(ROOT / "requirements" / "serve.txt")
    assert pins(ROOT / "serving" / "requirements" / f"{architecture}.txt") == tested


@pytest.mark.parametrize("module", SETTINGS)
@pytest.mark.parametrize("architecture", ["amd64", "arm64", "armhf"])
def test_a_device_runs_the_versions_that_the_tests_run(module: str, architecture: str) -> None:
    tested = pins(ROOT / "requirements" / "run.txt")
    image = pins(ROOT / "modules" / module / "requirements" / f"{architecture}.txt")
    own = {"tflite-runtime"} if (module, architecture) == ("classifier", "armhf") else set()
    assert {name: version for name, version in image.items() if tested.get(name) != version}.keys() == own
    debian = {
        "paho-mqtt",
        *({"numpy", "pillow", "opencv-python-headless"} if architecture == "armhf" else ()),
    }
    assert not debian & set(image)
