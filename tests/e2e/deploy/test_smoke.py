"""`scripts/smoke` against a device that runs here: the verdict, and settings that always come back."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device
from tests.e2e.service_sdk import PYTHON, SETUP
from tests.patience import PATIENCE_S, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason=f"the service SDK is not there ({SETUP})"),
]
BEFORE = {"fps": 2, "region": [0, 0, 1, 0.5], "sourceName": "mine"}


def smoke(device: Device, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(ROOT / "scripts" / "smoke"), "--state", str(device.state), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def desired(device: Device, module: str) -> dict[str, Any]:
    found = device.twin(module, "desired")
    return {name: value for name, value in found.items() if name != "$version"}


def changed(device: Device) -> Callable[[], bool]:
    """Whether the camera has the test's settings."""
    return lambda: desired(device, "camera").get("sourceName", "").startswith("smoke-")


def started(start: StartDevice, *arguments: str) -> Device:
    device = start(None, *arguments).up()
    device.control.patch_desired("camera", BEFORE)
    return device


def test_every_known_picture_comes_upstream_with_its_label_and_settings_come_back(
    device: StartDevice,
) -> None:
    running = started(device)
    code, out, err = outcome(smoke(running, "--json"))
    said = json.loads(out)
    assert (code, said["passed"], said["counts"]["right"]) == (0, True, len(said["pictures"])), err
    assert said["models"]
    assert (desired(running, "camera"), desired(running, "results_filter")) == (BEFORE, {})
    code, out, _ = outcome(smoke(running, "--restore"))
    assert (code, out) == (0, "nothing to restore\n")


def test_labels_that_do_not_come_fail_and_the_module_that_is_missing_is_named(device: StartDevice) -> None:
    running = started(device, "--without", "classifier")
    wait_for(lambda: running.twin("camera").get("state") == "running", "the camera")
    code, out, err = outcome(smoke(running, "--timeout", "20"))
    assert code == 1, err
    assert "FAILED on edge: 0 right, 0 wrong" in out
    assert "hint: classifier is not deployed" in out
    assert desired(running, "camera") == BEFORE


def test_without_a_camera_there_is_no_verdict(device: StartDevice) -> None:
    running = started(device, "--without", "camera")
    wait_for(lambda: running.twin("results_filter").get("state") == "running", "the filter")
    code, out, err = outcome(smoke(running, "--timeout", "10"))
    assert (code, out) == (3, "")
    assert "camera has not taken the settings within 10 s; camera is not deployed" in err
    assert (desired(running, "camera"), desired(running, "results_filter")) == (BEFORE, {})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_puts_the_settings_back(device: StartDevice, number: signal.Signals) -> None:
    running = started(device)
    process = smoke(running, "--fps", "0.1")
    wait_for(changed(running), "the test's settings")
    process.send_signal(number)
    code, _, err = outcome(process)
    assert (code, "restored: the settings of camera and results_filter" in err) == (130, True), err
    assert (desired(running, "camera"), desired(running, "results_filter")) == (BEFORE, {})


def test_what_a_killed_test_leaves_is_refused_to_the_next_one_and_restored_when_asked(
    device: StartDevice,
) -> None:
    running = started(device)
    process = smoke(running, "--fps", "0.1")
    wait_for(changed(running), "the test's settings")
    process.kill()
    process.communicate()
    code, _, err = outcome(smoke(running))
    assert (code, "another smoke test of edge" in err) == (3, True)
    code, out, _ = outcome(smoke(running, "--restore"))
    assert (code, out) == (0, "restored: camera, results_filter\n")
    assert (desired(running, "camera"), desired(running, "results_filter")) == (BEFORE, {})
