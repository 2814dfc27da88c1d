"""Modules call each other's methods through the real runtime: the Python SDK's `invoke_method`, and the Node SDK's."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device
from tests.e2e.method_modules import calling, serving
from tests.edge.manifest import deployment
from tests.patience import wait_for

MODULES: dict[str, dict[str, Any]] = {"caller": {}, "service": {}}


@pytest.fixture
def running(device: StartDevice) -> Device:
    return device(deployment(MODULES, {}), "--without", "caller", "--without", "service").up()


def test_the_python_sdk_invokes_a_method_of_another_module(running: Device) -> None:
    assert running.endpoints is not None
    assert running.endpoints["https"] == f"https://{running.address}:443"
    odd = {"text": "ünï + % &", "deep": [{"a": None}], "number": 12345678901234567890}
    with calling(running) as caller, serving(running):
        assert caller.invoke("echo", odd) == {"status": 200, "payload": odd}
        assert caller.invoke("other", 1)["status"] == 418
        # Errors of the call itself reach the caller as errors.
        for refused in ({"of": "nobody"}, {"of": None}, {"responseTimeoutInSeconds": 4}):
            assert "ServiceError" in caller.invoke("echo", **refused)
        assert caller.invoke("echo", "after")["payload"] == "after"


@pytest.mark.slow
def test_the_python_sdk_gives_up_after_ten_seconds_of_silence(running: Device) -> None:
    with calling(running) as caller, serving(running):
        assert "Timeout" in caller.invoke("silence", responseTimeoutInSeconds=60)
        wait_for(lambda: running.snapshot()["dropped"].get("method_abandoned") == 1, "a counted call")
        assert "waits 10 s" in running.log("edgeHub")
        # Within its patience it gets the hub's own answer.
        assert "ServiceError" in caller.invoke("silence", responseTimeoutInSeconds=5)
        assert caller.invoke("echo", 1) == {"status": 200, "payload": 1}


def test_without_port_443_everything_else_runs_and_a_warning_tells_what_does_not(
    device: StartDevice, loopback: str
) -> None:
    with socket.create_server((loopback, 443)):
        running = device(deployment(MODULES, {}), "--without", "caller", "--without", "service").up()
        assert running.endpoints is not None
        assert running.endpoints["https"] is None
        (warning,) = running.endpoints["warnings"]
        assert f"{loopback}:443" in warning
        for words in ("invoke_method", "another process has it", "--address"):
            assert words in warning
        assert warning in running.said()
        assert warning in running.log("edgeHub")
        with serving(running):
            answered = running.command("method", "service", "echo", "--payload", "7")
            assert (answered.returncode, json.loads(answered.stdout)) == (0, 7)
