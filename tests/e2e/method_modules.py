"""Modules whose methods are called, and modules that call them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.device import Device, python_path
from tests.patience import wait_for

HERE = Path(__file__).parent
PYTHON_CALLER = (sys.executable, str(HERE / "method_caller.py"))


class Caller:
    """method_caller.py, or another program that understands the same lines, as a module."""

    def __init__(self, device: Device, module: str, command: Sequence[str], **variables: str) -> None:
        self._errors = device.state.with_name(f"{module}.err")
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                command,
                env={**python_path(), **device.environment_of(module), **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def invoke(self, name: str, payload: Any = None, *, of: str | None = "service", **more: Any) -> Any:
        """What the SDK returned, or the error that it raised, with its cause."""
        assert self.process.stdin
        call = {"methodName": name, "payload": payload, **more}
        self.process.stdin.write(json.dumps({"device": "edge", "module": of, "call": call}) + "\n")
        self.process.stdin.flush()
        said = self.read()
        if "answer" in said:
            return said["answer"]
        return f"{said['error']}: {said['cause']}"

    def read(self) -> dict[str, Any]:
        """The next line."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self._errors.read_text()
        document: dict[str, Any] = json.loads(line)
        return document


@contextmanager
def calling(
    device: Device, module: str = "caller", command: Sequence[str] = PYTHON_CALLER, **variables: str
) -> Iterator[Caller]:
    caller = Caller(device, module, command, **variables)
    try:
        yield caller
    finally:
        caller.process.kill()
        caller.process.communicate()


@contextmanager
def serving(device: Device) -> Iterator[None]:
    """service_module.py as module `service`, until it listens to methods."""
    environment = {**python_path(), **device.environment_of("service")}
    with device.state.with_name("service.log").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "service_module.py")], env=environment, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: device.twin("service").get("ready"), "a service that listens")
        yield
    finally:
        process.kill()
        process.wait()
