"""A device of this machine that stands for one of an environment: the edge runtime with Docker, empty at first."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
_UP_S = 120
_DOWN_S = 60
_MICROSOFT = "mcr.microsoft.com/azureiotedge"
_EMPTY = {
    "modulesContent": {
        "$edgeAgent": {
            "properties.desired": {
                "schemaVersion": "1.1",
                "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
                "systemModules": {
                    name: {
                        "type": "docker",
                        "settings": {"image": f"{_MICROSOFT}-{image}:1.5", "createOptions": "{}"},
                        **({} if name == "edgeAgent" else {"status": "running", "restartPolicy": "always"}),
                    }
                    for name, image in (("edgeAgent", "agent"), ("edgeHub", "hub"))
                },
                "modules": {},
            }
        },
        "$edgeHub": {
            "properties.desired": {
                "schemaVersion": "1.2",
                "routes": {},
                "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
            }
        },
    }
}


class DeviceError(OSError):
    """It did not come up; the message ends with what it said."""


class LocalDevice:
    """Up within the `with` block; its containers and its network are gone after it."""

    def __init__(self, name: str, platform: str, state: Path) -> None:
        self.name = name
        self._platform = platform
        self._state = state

    def __enter__(self) -> Self:
        """Raises DeviceError."""
        manifest = self._state.with_name(f"{self.name}.empty.json")
        manifest.write_text(json.dumps(_EMPTY))
        log = self._state.with_name(f"{self.name}.log")
        command = [str(ROOT / "scripts" / "edge"), "run", str(manifest), "--engine", "docker"]
        command += ["--device", self.name, "--state", str(self._state), "--platform", self._platform]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            self._wait(log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + _UP_S
        while not (self._state / "endpoints.json").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip()[-2000:]
                raise DeviceError(f"the device {self.name} did not come up: {said}")
            time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_DOWN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
