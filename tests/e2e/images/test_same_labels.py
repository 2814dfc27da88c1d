"""The whole solution from its pushed images, of each platform: pictures get the labels that this machine gives them.

This machine is amd64. There the images must agree in every picture, so elsewhere they are compared with amd64.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient, DockerClient
from PIL import Image

from classifier.settings import ClassifierSettings
from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from release.images.record import ImagesRecord
from tests.data import RECORD_BYTES, true_records, write_cifar10
from tests.e2e.device import ROOT, TEMPLATE, Device
from tests.e2e.docker.conftest import clean_up
from tests.e2e.docker.watching import reported, upstream
from tests.e2e.images.conftest import MODULES
from tests.e2e.images.emulation import emulated, patience_s
from tests.patience import wait_for

PICTURES = 50
AGREEING = {"amd64": 50}
ELSEWHERE = 49
SIDE = 32


@pytest.fixture
def records(cifar10_dir: Path) -> bytes:
    return true_records(cifar10_dir, PICTURES)


@pytest.fixture
def pictures(records: bytes, short: Path) -> Path:
    """A folder in the data set's official layout that every user may read: containers have one of their own."""
    folder = write_cifar10(short / "cifar10", records)
    for path in (short, folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture
def state(short: Path, client: DockerClient) -> Iterator[Path]:
    yield short / "s"
    api: APIClient = client.api
    clean_up(api, short / "s")


def labels_here(records: bytes) -> list[str]:
    classifier = Classifier(load_bundle(ClassifierSettings().model))
    return [
        classifier.classify(_png(records[start + 1 : start + RECORD_BYTES]), top_k=1).top[0].label
        for start in range(0, len(records), RECORD_BYTES)
    ]


def _png(planes: bytes) -> bytes:
    size = SIDE * SIDE
    bands = [Image.frombytes("L", (SIDE, SIDE), planes[n * size : (n + 1) * size]) for n in range(3)]
    encoded = io.BytesIO()
    Image.merge("RGB", bands).save(encoded, "PNG")
    return encoded.getvalue()


def template(images: ImagesRecord, pictures: Path, platform: str) -> dict[str, Any]:
    """The solution's own, with the images by digest, and the camera at the pictures."""
    document: dict[str, Any] = json.loads(TEMPLATE.read_text())
    modules = document["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]
    for name in MODULES:
        modules[name]["settings"]["image"] = images.images[name].reference
    modules["camera"]["settings"]["createOptions"]["HostConfig"]["Binds"] = [f"{pictures}:/pictures:ro"]
    modules["camera"]["env"] |= {"SOURCE": {"value": "cifar10:/pictures"}, "FPS": {"value": 0}}
    modules["results_filter"]["env"]["PREDICTIONS_UPSTREAM"] = {"value": "all"}
    # Frames wait for a classifier that is started under emulation: longer than a device's would be of use.
    routes = document["modulesContent"]["$edgeHub"]["properties.desired"]["routes"]
    routes["frames"]["timeToLiveSecs"] = 7200
    return emulated(document, platform)


@pytest.mark.slow
@pytest.mark.timeout(7200)  # three images, of which none may be built yet
def test_pictures_get_the_same_labels_upstream_as_here_and_the_smoke_test_passes(
    platform: str, images: ImagesRecord, records: bytes, pictures: Path, state: Path
) -> None:
    manifest = state.with_name("deployment.template.json")
    manifest.write_text(json.dumps(template(images, pictures, platform)))
    shutil.copy(ROOT / ".env.template", manifest.with_name(".env"))
    device = Device(manifest, state, None, "--engine", "docker", "--platform", platform).up()
    try:
        predictions: dict[int, dict[str, Any]] = {}

        def complete() -> bool:
            assert device.process.poll() is None, device.said()
            arrived = (body for body in upstream(device) if body["schema"] == "prediction/1")
            predictions.update({body["sequence"]: body for body in arrived})
            return len(predictions) == PICTURES

        wait_for(complete, f"{PICTURES} predictions upstream", 10 * patience_s(platform))
        for name in MODULES:
            found = reported(device, name)
            assert (found["runtimeStatus"], found["restartCount"]) == ("running", 0), found
            assert found["settings"]["image"] == images.images[name].reference
        given = [predictions[number]["top"][0]["label"] for number in range(PICTURES)]
        same = sum(one == other for one, other in zip(given, labels_here(records), strict=True))
        assert same >= AGREEING.get(platform, ELSEWHERE)
        smoke = [
            str(ROOT / "scripts" / "smoke"),
            "--state",
            str(state),
            "--timeout",
            str(3 * patience_s(platform)),
        ]
        done = subprocess.run(smoke, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        device.stop()
