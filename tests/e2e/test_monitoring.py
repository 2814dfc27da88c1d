"""Every query of docs/monitoring against what a device and a web service serve, and against Prometheus itself."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from camera.sources.sample import SHIPPED
from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device
from tests.monitoring.catalogue import Catalogue
from tests.monitoring.queries import FOLDER, documents
from tests.patience import PATIENCE_S, wait_for
from tests.serving.running import RunningService, running
from tests.test_readme import BLOCK

UNSEEN = frozenset({"status=5..", "status=429", "outcome=error|dropped"})
"""What matchers look for and a short run without faults does not have."""


def pictures(folder: Path) -> Path:
    """Two classes of drawn frames, one file that is no picture, one that is damaged inside."""
    for label in ("frog", "deer"):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            shutil.copy(SHIPPED / f"{label}-{number}.png", folder / label)
    (folder / "frog" / "words.png").write_text("no picture")
    whole = (SHIPPED / "frog-0.png").read_bytes()
    half = len(whole) // 2
    (folder / "frog" / "damaged.png").write_bytes(whole[:half] + bytes(8) + whole[half + 8 :])
    return folder


@pytest.fixture(scope="module")
def solution(shared_device: StartDevice, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """The repository's solution at work, with a message that has no route and a client that is no client.

    At 4 frames a second a label holds for longer than an event has to.
    """
    source = f"folder:{pictures(tmp_path_factory.mktemp('pictures') / 'p')}"
    started = shared_device(
        None, CAMERA_SOURCE=source, CAMERA_FPS="4", FILTER_PREDICTIONS_UPSTREAM="all"
    ).up()
    started.control.patch_desired("camera", {"loop": True})
    started.control.patch_desired("$edgeHub", {"routes": {"predictionsUpstream": None}})
    assert started.address is not None
    with socket.create_connection((started.address, 8883), timeout=PATIENCE_S) as nonsense:
        nonsense.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while nonsense.recv(4096):
            pass
    return started


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The web service with two bundles, asked for a picture and for something that is none."""
    folder = tmp_path_factory.mktemp("service")
    plan = {
        "schema": "flight/1",
        "primary": "a",
        "variants": [
            {"name": "a", "bundle": "fast", "percent": 50},
            {"name": "b", "bundle": "accurate", "percent": 50},
        ],
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    with running(folder, "--flights", str(folder / "plan.json"), workers=1) as found:
        frogs = [(SHIPPED / f"frog-{number}.png").read_bytes() for number in range(4)]  # one is doubtful
        for body, status in [(b"no picture", 415), *((frog, 200) for frog in frogs)]:
            headers = {"Content-Type": "application/octet-stream", "X-Model-Version": "a"}
            answer = found.request("POST", "/score", body, headers)
            assert answer.status == status, answer.body
        yield found


def targets(device: Device) -> list[dict[str, Any]]:
    """As a user hands them to Prometheus."""
    shown = device.command("metrics", "--file-sd")
    assert shown.returncode == 0, shown.stderr
    groups: list[dict[str, Any]] = json.loads(shown.stdout)
    return groups


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        text: str = answer.read().decode()
        return text


def scraped(device: Device, service: RunningService) -> Catalogue:
    catalogue = Catalogue()
    for group in targets(device):
        (address,) = group["targets"]
        catalogue.add(
            get(f"http://{address}/metrics"), {**group["labels"], "job": "edge", "instance": address}
        )
    catalogue.add(service.request("GET", "/metrics").body.decode(), {"job": "serving", "instance": "service"})
    return catalogue


@pytest.mark.slow
def test_every_metric_and_label_that_a_query_names_exists(solution: Device, service: RunningService) -> None:
    queries = documents()["queries"]
    assert len(queries) > 60
    lacking: list[str] = []

    def all_there() -> bool:
        now = scraped(solution, service)
        lacking[:] = [f"{query['place']}: {one}" for query in queries for one in now.lacks(query, UNSEEN)]
        return not lacking

    try:
        wait_for(all_there, "every series that a query needs")
    except AssertionError:
        raise AssertionError("\n".join(lacking)) from None


class Prometheus:
    """The server as the guide starts it, but asking every second, and on the device's address."""

    def __init__(self, home: Path, device: Device, service: RunningService) -> None:
        self.address = f"{device.address}:9090"
        (block,) = BLOCK.findall((FOLDER / "README.md").read_text())
        prepare, _, start = block.partition("cd ~/edge-monitoring\n")
        assert "--file-sd" in prepare
        assert start.count("127.0.0.1:9090") == 1
        subprocess.run(
            ["bash", "-euc", prepare.replace("--file-sd", f"--file-sd --state {device.state}")],
            cwd=ROOT,
            env={**os.environ, "HOME": str(home)},
            check=True,
        )
        folder = home / "edge-monitoring"
        configuration = (folder / "prometheus.yml").read_text()
        assert "127.0.0.1:8080" in configuration
        configuration = configuration.replace("127.0.0.1:8080", f"127.0.0.1:{service.port}")
        (folder / "prometheus.yml").write_text(configuration.replace("10s", "1s"))
        self._log = (folder / "prometheus.log").open("wb")
        self.process = subprocess.Popen(
            ["bash", "-euc", "exec " + start.replace("127.0.0.1:9090", self.address)],
            cwd=folder,
            stdout=self._log,
            stderr=self._log,
        )

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self._log.close()

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer; None while the server is not ready."""
        query = urllib.parse.urlencode(parameters)
        try:
            return json.loads(get(f"http://{self.address}/api/v1/{path}?{query}"))["data"]
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                    return None
                raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        except urllib.error.URLError:
            assert self.process.poll() is None
            return None


@pytest.fixture
def prometheus(solution: Device, service: RunningService, tmp_path: Path) -> Iterator[Prometheus]:
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus is not installed (apt-get install -y prometheus)")
    started = Prometheus(tmp_path, solution, service)
    yield started
    started.close()


@pytest.mark.slow
def test_prometheus_finds_every_target_and_every_panel_shows_something(prometheus: Prometheus) -> None:
    def targets_up() -> bool:
        found = prometheus.ask("targets")
        health = [target["health"] for target in found["activeTargets"]] if found else []
        return len(health) == 6 and set(health) == {"up"}

    wait_for(targets_up, "five targets of the device and the service")
    waiting = {q["expr"]: q["place"] for q in documents()["queries"] if q["place"].startswith("panel ")}

    def all_shown() -> bool:
        for expr in list(waiting):
            if prometheus.ask("query", query=expr)["result"]:
                del waiting[expr]
        return not waiting

    try:
        wait_for(all_shown, "a value of every panel")
    except AssertionError:
        raise AssertionError("\n".join(f"{place}: {expr}" for expr, place in waiting.items())) from None
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert rules
    assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}
