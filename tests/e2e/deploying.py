"""`scripts/deploy` as a user starts it, against the local IoT Hub of a device that runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.device import ROOT, TEMPLATE, Device
from tests.e2e.service_sdk import PYTHON, SETUP
from tests.patience import PATIENCE_S, wait_for

PASSWORD = "hunter2-of-the-registry"
REGISTRY = {
    "CONTAINER_REGISTRY_SERVER": "127.0.0.1:5000",
    "CONTAINER_REGISTRY_USERNAME": "somebody",
    "CONTAINER_REGISTRY_PASSWORD": PASSWORD,
}
SOLUTION = {
    **REGISTRY,
    "EDGE_RUNTIME_VERSION": "1.5",
    "EDGE_LOG_LEVEL": "debug",
    "CAMERA_SOURCE": "sample:",
    "CAMERA_FPS": "5",
    "CAMERA_FRAMES": "0",
    "CLASSIFIER_MODEL": "",
    "CLASSIFIER_THREADS": "1",
    "FILTER_PREDICTIONS_UPSTREAM": "sampled",
}
"""Those of environments/dev.env, for the run that the deployments then change."""
QUICK = ("--settle", "1", "--patience", "5", "--timeout", "400")
NEEDS_SDK = pytest.mark.skipif(not PYTHON.exists(), reason=f"the service SDK is not there ({SETUP})")
Template = dict[str, Any]


def template() -> Template:
    """deployment.template.json."""
    document: Template = json.loads(TEMPLATE.read_text())
    return document


def modules_of(document: Template) -> dict[str, Any]:
    """The custom modules of a template."""
    modules: dict[str, Any] = document["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]
    return modules


def settings_of(document: Template, module: str) -> dict[str, Any]:
    """The desired properties that a template gives a module."""
    desired: dict[str, Any] = document["modulesContent"][module]["properties.desired"]
    return desired


SOLUTION_MODULES = ("camera", "classifier", "results_filter")


class Deploying:
    """Templates of a test in a solution of its own, which has this repository's modules.

    `within_s`: a deployment ends, with the way back if there is one.
    """

    def __init__(self, folder: Path, device: Device) -> None:
        self.folder = folder / "solution"
        self.folder.mkdir()
        (self.folder / "modules").symlink_to(ROOT / "modules")
        self.home = folder / "home"
        self.home.mkdir()
        self.device = device
        self.within_s = 5 * PATIENCE_S

    def write(self, document: Template) -> Path:
        file = self.folder / "deployment.template.json"
        file.write_text(json.dumps(document))
        return file

    def start(
        self, document: Template | None, *arguments: str, state: bool = True, **variables: str
    ) -> subprocess.Popen[str]:
        """Without a terminal; variables are those that environments/dev.env leaves out, and `variables`."""
        file = [] if document is None else ["--template", str(self.write(document))]
        where = ["--state", str(self.device.state)] if state else []
        return subprocess.Popen(
            [str(PYTHON), "-P", "-m", "release.deploy", "--env", "dev", *where, *file, *arguments],
            cwd=self.home,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def environment(self, **variables: str) -> dict[str, str]:
        own = {"HOME": str(self.home), "TMPDIR": str(self.home), "PYTHONPATH": str(ROOT)}
        return {"PATH": os.environ["PATH"], **own, **REGISTRY, "CAMERA_FPS": "5", **variables}

    def deploy(self, document: Template | None, *arguments: str, **options: Any) -> tuple[int, str]:
        """Exit code, and all that was said; no secret may be in there, and no file may be left."""
        process = self.start(document, *arguments, **options)
        try:
            said, _ = process.communicate(timeout=self.within_s)
        finally:
            process.kill()
        self.keeps_secrets(said)
        return process.returncode, said

    def keeps_secrets(self, said: str) -> None:
        assert self.device.endpoints is not None
        key = self.device.endpoints["iothub"]["connectionString"].partition("SharedAccessKey=")[2]
        for secret in (PASSWORD, key):
            assert secret not in said
        assert list(self.home.rglob("*")) == []

    def until(self, process: subprocess.Popen[str], text: str) -> str:
        """What it says up to a line with this text."""
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if text in line:
                return said
        raise AssertionError(f"it ended without {text!r}: {said}")

    def interrupt(self, process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
        process.send_signal(number)
        said, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, said

    def sections(self) -> dict[str, dict[str, Any]]:
        """Desired properties as the twins have them now, without their versions."""
        modules = self.device.twin("$edgeAgent", "desired")["modules"]
        found = {}
        for module in ("$edgeAgent", "$edgeHub", *modules):
            section = self.device.twin(module, "desired")
            section.pop("$version")
            found[module] = section
        return found

    def runs(self, *modules: str) -> None:
        """Wait until the device reports exactly these modules, and all of them running."""

        def running() -> bool:
            reported = self.device.twin("$edgeAgent").get("modules", {})
            states = {name: module["runtimeStatus"] for name, module in reported.items()}
            return states == dict.fromkeys(modules, "running")

        wait_for(running, f"{modules} run")


StartDeploying = Callable[..., Deploying]
