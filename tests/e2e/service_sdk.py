"""The unmodified `azure-iot-hub` in a virtual environment of its own, called from a test."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.device import ROOT, Device

PYTHON = ROOT / ".venv-service" / "bin" / "python"
SETUP = "scripts/venv .venv-service requirements/service.txt"


class CallFailedError(AssertionError):
    """The SDK raised HttpOperationError."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(str(document))
        self.status: int = document["status"]
        self.body: str = document["body"]


class ServiceSdk:
    """One process that calls managers of the SDK."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def registry(self, name: str, *arguments: Any) -> Any:
        """A call of IoTHubRegistryManager. Raises CallFailedError."""
        return self._call("IoTHubRegistryManager", name, arguments)

    def configuration(self, name: str, *arguments: Any) -> Any:
        """A call of IoTHubConfigurationManager. Raises CallFailedError."""
        return self._call("IoTHubConfigurationManager", name, arguments)

    def refused(self, name: str, *arguments: Any) -> CallFailedError:
        """The refusal of a call of IoTHubRegistryManager."""
        with pytest.raises(CallFailedError) as failure:
            self.registry(name, *arguments)
        return failure.value

    def _call(self, manager: str, name: str, arguments: tuple[Any, ...]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        call = {"manager": manager, "call": name, "arguments": arguments}
        self._process.stdin.write(json.dumps(call) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the SDK's process ended with {self._process.wait()}"
        document: dict[str, Any] = json.loads(line)
        if "error" in document:
            raise CallFailedError(document)
        return document["result"]


def model(name: str, **fields: Any) -> dict[str, Any]:
    """A model of the SDK, as an argument."""
    return {"model": name, "fields": fields}


@contextmanager
def service_sdk(device: Device, connection_string: str | None = None) -> Iterator[ServiceSdk]:
    """The SDK, told what endpoints.json says and nothing else."""
    if not PYTHON.exists():
        pytest.skip(f"the service SDK is not there ({SETUP})")
    assert device.endpoints is not None
    iothub = device.endpoints["iothub"]
    process = subprocess.Popen(
        [
            str(PYTHON),
            str(Path(__file__).with_name("service_caller.py")),
            connection_string or iothub["connectionString"],
        ],
        env={**os.environ, "REQUESTS_CA_BUNDLE": iothub["caFile"], "PYTHONPATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield ServiceSdk(process)
    finally:
        process.kill()
        process.communicate()
