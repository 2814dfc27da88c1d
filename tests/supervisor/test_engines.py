"""Which engine runs which module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.agent.environment import MetricsPorts
from edge_runtime.agent.process_engine import ProcessEngine
from edge_runtime.manifest import ModuleSpec
from edge_runtime.state_folder import StateFolder
from edge_runtime.supervisor.engines import Engines, open_place, placed
from edge_runtime.supervisor.options import parse

ROOT = Path(__file__).resolve().parents[2]


def test_a_run_of_processes_imports_nothing_of_docker() -> None:
    code = (
        "import sys, edge_runtime.supervisor.run_command, edge_runtime.hub_process\n"
        "print([name for name in sys.modules if 'docker' in name.split('.') or name == 'requests'])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


async def test_without_docker_the_place_is_the_address(tmp_path: Path) -> None:
    options = parse(["x.json", "--state", str(tmp_path), "--address", "127.0.0.7"])
    place = await open_place(options)
    assert (place.site, place.address, place.gateway_hostname) == (None, "127.0.0.7", "127.0.0.7")
    assert placed(options, place) == options
    await place.close()


@pytest.mark.parametrize("left", ["", "[]", '{"device": "edge"}'])
async def test_leftovers_that_cannot_be_looked_for_are_told_and_harm_nothing(
    tmp_path: Path, left: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    StateFolder(tmp_path).docker.write_text(left)
    await open_place(parse(["x.json", "--state", str(tmp_path)]))
    assert "may be left" in caplog.text
    assert StateFolder(tmp_path).docker.exists()


class Containers:
    """Stands for the docker engine."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    async def remove(self, name: str) -> None:
        self.removed.append(name)

    def metrics(self, spec: ModuleSpec) -> str:
        return f"172.18.0.2:{spec.name}"


async def test_modules_with_a_command_are_processes_beside_containers(tmp_path: Path) -> None:
    containers, processes = Containers(), Containers()
    engines = Engines(processes, containers, ["mine"])  # type: ignore[arg-type]
    for name in ("mine", "theirs"):
        await engines.remove(name)
    assert (processes.removed, containers.removed) == (["mine"], ["theirs"])
    ports = MetricsPorts()
    ports.assign(["mine", "theirs"])
    specs = [ModuleSpec(name, "i") for name in ("mine", "theirs")]
    found = engines.metrics(specs, "172.18.0.1", ports)
    assert found == {"mine": "172.18.0.1:9610", "theirs": "172.18.0.2:theirs"}
    alone = Engines(ProcessEngine, None, [])  # type: ignore[arg-type]
    assert alone.metrics(specs, "127.0.0.1", ports) == {"mine": "127.0.0.1:9610", "theirs": "127.0.0.1:9611"}
