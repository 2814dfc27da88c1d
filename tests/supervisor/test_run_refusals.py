"""What `run` and its companions refuse, and how they say it."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.supervisor.conftest import Run, Solution, alive, command, leftovers

Start = Callable[..., Run]


def test_two_runs_on_one_state_are_refused_by_pid(solution: Solution, run: Start) -> None:
    solution.add("camera")
    first = run()
    first.until_module("camera", "running")
    code, errors = run().end()
    assert code == 2
    assert f"process id {first.process.pid}" in errors
    assert "--state" in errors
    assert alive(first.registered()["modules"]["camera"])
    assert first.stop() == 0


@pytest.mark.parametrize(
    ("hub", "code", "message"),
    [
        ("port_taken", 3, "8883 is taken"),
        ("dies", 1, "the store cannot be opened"),
        ("refuses", 2, "routes.broken: line 1, column 6"),
    ],
)
def test_a_hub_that_cannot_run_ends_the_run_with_its_message(
    solution: Solution, run: Start, state: Path, hub: str, code: int, message: str
) -> None:
    solution.add("camera")
    ended, errors = run(hub=hub).end()
    assert ended == code
    assert message in errors
    assert "Traceback" not in errors
    assert leftovers(state) == []


def test_an_image_without_source_fails_with_the_mend_while_others_run(solution: Solution, run: Start) -> None:
    solution.deploy("foreign", "registry.example.com/foreign:1")
    solution.add("camera")
    process = run()
    failed = process.until_module("foreign", "failed")
    assert "--module foreign=CMD" in failed["statusDescription"]
    process.until_module("camera", "running")
    assert process.stop() == 0


def test_a_broken_route_is_refused_at_the_start(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    solution.routes["broken"] = "FROM /messages/* WHER x INTO $upstream"
    code, errors = run().end()
    assert code == 2
    assert f"{solution.template}:" in errors
    assert "broken" in errors
    assert not state.exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--without", "camra"], "it has: camera"),
        (["--engine", "docker"], "leave --address out"),
        (["--address", "192.168.1.1"], "not a loopback address"),
        (["--device", "../x"], "not a device id"),
        (["--stop-after", "-1"], "number of seconds"),
        (["--module", "camera="], "NAME=CMD"),
        (["--upstream-limit", "0"], "megabytes"),
        (["--store-limit", "0.5"], "megabytes"),
    ],
)
def test_wrong_arguments_are_refused_with_the_mend(
    solution: Solution, run: Start, arguments: list[str], part: str
) -> None:
    solution.add("camera")
    code, errors = run(*arguments).end()
    assert code == 2
    assert part in errors
    assert "Traceback" not in errors


def test_no_docker_engine_is_refused_in_one_line_with_the_mend(
    solution: Solution, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solution.add("camera")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    refused = command(state, "run", str(solution.write()), "--engine", "docker")
    assert refused.returncode == 2
    (line,) = [line for line in refused.stderr.splitlines() if not line.startswith("warning: ")]
    assert "no Docker engine answers at unix:///nowhere/docker.sock" in line
    assert "DOCKER_HOST" in line
    assert leftovers(state) == []


def test_a_state_folder_that_is_a_file_is_refused(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    state.write_text("")
    code, errors = run().end()
    assert code == 2
    assert str(state) in errors


def test_commands_for_a_device_that_does_not_run_say_so(tmp_path: Path) -> None:
    for arguments in (["twin", "camera"], ["method", "camera", "pause"]):
        result = command(tmp_path, *arguments)
        assert result.returncode == 1
        assert "no device runs in" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_socket_of_another_kind_in_the_way_of_control(tmp_path: Path) -> None:
    """endpoints.json of a run that was killed: nobody answers any more."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    (tmp_path / "endpoints.json").write_text(json.dumps({"control": str(path)}))
    result = command(tmp_path, "twin", "camera")
    assert result.returncode == 1
    assert "no answer from the hub" in result.stderr


def test_a_command_for_a_module_that_may_come_later_is_told(solution: Solution, run: Start) -> None:
    solution.add("camera")
    process = run("--module", "camra=x", "--stop-after", "0.1")
    code, errors = process.end()
    assert code == 0
    assert "warning: --module camra" in errors
    assert "it has: camera" in errors


def test_a_store_of_a_newer_version_is_refused(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    state.mkdir()
    with closing(sqlite3.connect(state / "upstream.db")) as store:
        store.execute("PRAGMA user_version = 99")
    code, errors = run().end()
    assert code == 2
    assert "upstream.db was written by a newer version" in errors
    assert "Traceback" not in errors
    assert leftovers(state) == []
