"""A small solution, and `run` as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.agent import kernel
from edge_runtime.agent.kernel import ProcessId
from tests.patience import PATIENCE_S, wait_for

ROOT = Path(__file__).resolve().parents[2]
SLEEPS = "import os, time; print(dict(os.environ), flush=True); time.sleep(1000)"


class Solution:
    """Modules of a few lines each, with the template that deploys them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.template = root / "deployment.template.json"
        self.modules: dict[str, dict[str, Any]] = {}
        self.hub_variables: dict[str, str] = {}
        self.twins: dict[str, dict[str, Any]] = {}
        self.routes: dict[str, Any] = {"up": "FROM /messages/* INTO $upstream"}

    def add(self, name: str, code: str = SLEEPS, **settings: Any) -> None:
        """A module whose image runs `code`; `settings` are those of the deployment."""
        folder = self.root / "modules" / name
        (folder / name).mkdir(parents=True)
        (folder / name / "__main__.py").write_text(code)
        (folder / "Dockerfile.amd64").write_text(
            "FROM python:3.11-slim\nWORKDIR /app\n"
            f'COPY modules/{name}/{name} ./{name}\nCMD ["python3", "-m", "{name}"]\n'
        )
        image = {
            "repository": f"localhost:5000/{name}",
            "tag": {"version": "0.0.1", "platforms": {"amd64": "./Dockerfile.amd64"}},
            "contextPath": "../..",
        }
        (folder / "module.json").write_text(
            json.dumps({"$schema-version": "0.0.1", "image": image, "language": "python"})
        )
        self.deploy(name, f"${{MODULES.{name}}}", **settings)

    def deploy(self, name: str, image: str, **settings: Any) -> None:
        """A module of the deployment, with or without a source."""
        self.modules[name] = {
            "version": "1.0",
            "type": "docker",
            "status": "running",
            "restartPolicy": "always",
            "settings": {"image": image, "createOptions": {}},
        } | settings

    def write(self) -> Path:
        """The template, as it stands now."""
        system = {
            "edgeAgent": {"type": "docker", "settings": {"image": "edge-agent:1.5", "createOptions": {}}},
            "edgeHub": {
                "type": "docker",
                "status": "running",
                "restartPolicy": "always",
                "settings": {"image": "edge-hub:1.5", "createOptions": {}},
                "env": {name: {"value": value} for name, value in self.hub_variables.items()},
            },
        }
        agent = {
            "schemaVersion": "1.1",
            "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
            "systemModules": system,
            "modules": self.modules,
        }
        hub = {
            "schemaVersion": "1.2",
            "routes": self.routes,
            "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
        }
        desired = {"$edgeAgent": agent, "$edgeHub": hub, **self.twins}
        content = {name: {"properties.desired": section} for name, section in desired.items()}
        self.root.mkdir(exist_ok=True)
        self.template.write_text(
            json.dumps({"$schema-template": "4.0.0", "modulesContent": content}, indent=2)
        )
        return self.template


class Run:
    """One `run`, its lines, and what it leaves."""

    def __init__(self, process: subprocess.Popen[str], state: Path) -> None:
        self.process = process
        self.state = state
        self.seen: list[dict[str, Any]] = []

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next JSON line that is wanted."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen.append(json.loads(line))
            if wanted(self.seen[-1]):
                return self.seen[-1]
        raise AssertionError(f"run ended first: {self.seen} {self.end()}")

    def until_module(self, name: str, status: str) -> dict[str, Any]:
        """The line that says so, an earlier one included: modules come up in no order."""

        def wanted(line: dict[str, Any]) -> bool:
            return line.get("module") == name and line.get("runtimeStatus") == status

        return next(filter(wanted, self.seen), None) or self.until(wanted)

    def until_up(self, module: str) -> None:
        """The module runs, and endpoints.json says where all is."""
        self.until_module(module, "running")
        wait_for((self.state / "endpoints.json").exists)

    def kill_hub(self) -> None:
        """SIGKILL; it runs again when this returns."""
        os.kill(self.registered()["hub"]["pid"], signal.SIGKILL)
        self.until(lambda line: line["type"] == "hub" and "exit code 137" in line["message"])
        self.until(lambda line: line["type"] == "hub" and "running" in line["message"])

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.end()[0]

    def end(self) -> tuple[int, str]:
        """Exit code and standard error."""
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, errors

    def registered(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.state / "processes.json").read_text())
        return document

    def log(self, name: str) -> str:
        return (self.state / "logs" / f"{name}.log").read_text()


def leftovers(state: Path) -> list[str]:
    """Files that a clean stop is to remove, and processes."""
    named = [name for name in ("endpoints.json", "processes.json", "s") if (state / name).exists()]
    return named + [f"pid {process.pid}" for process in kernel.marked(state)]


def alive(entry: dict[str, int]) -> bool:
    return kernel.is_alive(ProcessId(**entry))


def reported(state: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((state / "stand_in_twins.json").read_text())["$edgeAgent"][
        "reported"
    ]
    return document


def command(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_runtime", *arguments, "--state", str(state)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def heeds_hangup() -> Iterator[None]:
    """Also where `nohup` started the tests, whose processes would ignore it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def solution(tmp_path: Path) -> Solution:
    return Solution(tmp_path / "solution")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    for process in kernel.marked(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


@pytest.fixture
def run(solution: Solution, state: Path, loopback: str) -> Iterator[Callable[..., Run]]:
    """Start `run`; `hub` names a mode of stand_in_hub.py in place of the real hub."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, hub: str | None = "good", **environment: str) -> Run:
        program = (
            ["-m", "edge_runtime", "run"]
            if hub is None
            else [str(Path(__file__).with_name("run_with_hub.py")), hub]
        )
        command = [
            sys.executable,
            *program,
            str(solution.write()),
            "--state",
            str(state),
            "--address",
            loopback,
            "--json",
        ]
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return Run(process, state)

    yield start
    for process in started:
        process.kill()
        process.communicate()
