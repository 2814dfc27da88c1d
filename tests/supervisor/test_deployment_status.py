"""`$edgeAgent`'s lastDesiredStatus, as a deployment goes well and badly (spec D.3)."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.patience import wait_for
from tests.supervisor.conftest import Run, Solution, command, reported

Start = Callable[..., Run]
VERSION_AFTER_START = 2


def status(state: Path) -> tuple[int, int, str]:
    """Last desired version, code and description."""
    section = reported(state)
    last = section.get("lastDesiredStatus", {"code": 0, "description": ""})
    return section.get("lastDesiredVersion", 0), last["code"], last["description"]


def patch(state: Path, **changes: Any) -> None:
    assert command(state, "twin", "$edgeAgent", "--patch", json.dumps(changes)).returncode == 0


def test_the_status_follows_the_deployment(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    process = run()
    process.until_module("camera", "running")
    wait_for(lambda: status(state) == (VERSION_AFTER_START, 200, ""))

    patch(state, schemaVersion="2.0")
    wait_for(lambda: status(state)[:2] == (VERSION_AFTER_START + 1, 412))
    assert '"2.0" is not supported' in status(state)[2]

    patch(state, schemaVersion="1.0", modules={"camera": {"status": "paused"}})
    wait_for(lambda: status(state)[:2] == (VERSION_AFTER_START + 2, 400))
    assert status(state)[2] == "$edgeAgent: modules.camera: 'status' is none of 'running' or 'stopped'"

    patch(state, modules=None, schemaVersion=None, runtime=None, systemModules=None)
    wait_for(lambda: status(state)[:2] == (VERSION_AFTER_START + 3, 417))
    assert "empty configuration" in status(state)[2]
    assert set(process.registered()["modules"]) == {"camera"}, "through all of it the module runs"

    assert process.stop() == 0
    assert status(state) == (VERSION_AFTER_START + 3, 406, "Agent is not running")


def test_a_step_that_fails_is_500_until_it_is_mended(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    solution.deploy("foreign", "registry.example/foreign:1")
    process = run()
    process.until_module("camera", "running")
    process.until_module("foreign", "failed")
    wait_for(lambda: status(state)[:2] == (VERSION_AFTER_START, 500))
    assert "foreign: the image registry.example/foreign:1 has no source" in status(state)[2]
    patch(state, modules={"foreign": None})
    wait_for(lambda: status(state) == (VERSION_AFTER_START + 1, 200, ""))
    assert process.stop() == 0


def test_the_images_of_the_system_modules_are_those_of_the_deployment(
    solution: Solution, run: Start, state: Path
) -> None:
    """`scripts/deploy` waits for them."""
    solution.add("camera")
    process = run()
    process.until_module("camera", "running")
    image = "mcr.microsoft.com/azureiotedge-hub:1.5.99"
    patch(state, systemModules={"edgeHub": {"settings": {"image": image}}})
    wait_for(lambda: reported(state)["systemModules"]["edgeHub"]["settings"]["image"] == image)
    assert process.stop() == 0


def test_a_twin_that_is_broken_when_a_run_begins_is_told_with_the_mend(
    solution: Solution, run: Start, state: Path
) -> None:
    solution.add("camera")
    process = run(hub=None)
    process.until_module("camera", "running")
    patch(state, schemaVersion="2.0")
    assert process.stop() == 0
    again = run(hub=None)
    again.until(lambda line: line["type"] == "hub")
    again.process.send_signal(signal.SIGINT)
    code, errors = again.end()
    assert code == 0
    assert '"2.0" is not supported' in errors
    assert "twin '$edgeAgent' --patch" in errors


def test_a_file_that_cannot_be_written_ends_no_device(solution: Solution, run: Start, state: Path) -> None:
    """As on a full disk."""
    solution.add("camera")
    process = run()
    process.until_up("camera")
    blocked = state / "endpoints.json.tmp"
    blocked.mkdir()
    patch(state, modules={"camera": {"version": "2.0"}})
    wait_for(lambda: status(state) == (VERSION_AFTER_START + 1, 200, ""))
    process.kill_hub()
    blocked.rmdir()
    assert process.stop() == 0
    assert f"{state}/endpoints.json cannot be written" in process.log("edgeAgent")
