"""What becomes of `python3 -m debugpy ...` when a process stands for the container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_runtime.agent.debugger import debug_start, has_debugpy

CAMERA = ("python3", "-Xfrozen_modules=off", "-m", "debugpy", "--listen", "0.0.0.0:5678", "-m", "camera")
FILTER = ("python3", "-u", "-m", "debugpy", "--listen", "5678", "--wait-for-client", "./main.py", "--fast")


def published(port: str, host_port: Any) -> dict[str, Any]:
    return {"HostConfig": {"PortBindings": {port: [{"HostIp": "127.0.0.1", "HostPort": host_port}]}}}


@pytest.mark.parametrize(
    ("command", "plain"),
    [
        (CAMERA, ("python3", "-Xfrozen_modules=off", "-m", "camera")),
        (FILTER, ("python3", "-u", "./main.py", "--fast")),
        (
            ("python3", "-m", "debugpy", "--configure-subProcess", "false", "--connect", "h:1", "-c", "pass"),
            ("python3", "-c", "pass"),
        ),
    ],
)
def test_the_command_without_it(command: tuple[str, ...], plain: tuple[str, ...]) -> None:
    start = debug_start(command)
    assert start is not None
    assert start.plain == plain


@pytest.mark.parametrize(
    "command",
    [
        ("python3", "-m", "camera"),
        ("python3", "-m", "camera", "-m", "debugpy", "x"),
        ("python3", "main.py", "-m", "debugpy", "x"),
        ("python3", "-m", "debugpy", "--listen", "5678"),
        ("node", "app.js"),
    ],
)
def test_other_commands_are_left_alone(command: tuple[str, ...]) -> None:
    assert debug_start(command) is None


@pytest.mark.parametrize(
    ("command", "options", "place"),
    [
        (CAMERA, published("5678/tcp", "5680"), "127.0.0.2:5680"),
        (FILTER, published("5678/tcp", "5679"), "127.0.0.2:5679"),
        (CAMERA, published("80/tcp", "8080"), "127.0.0.2:5678"),
        (CAMERA, {"HostConfig": {"PortBindings": {"5678/tcp": []}}}, "127.0.0.2:5678"),
        (CAMERA, published("5678/tcp", ""), "127.0.0.2:5678"),
        (CAMERA, {"HostConfig": None}, "127.0.0.2:5678"),
        (CAMERA, {}, "127.0.0.2:5678"),
    ],
)
def test_it_listens_on_the_device_s_address_alone(
    command: tuple[str, ...], options: dict[str, Any], place: str
) -> None:
    start = debug_start(command)
    assert start is not None
    changed, told = start.listening("127.0.0.2", options)
    assert told == place
    given = command[command.index("--listen") + 1]
    assert changed == tuple(place if word == given else word for word in command)


def test_a_debugger_that_calls_out_is_left_as_it_is() -> None:
    command = ("python3", "-m", "debugpy", "--connect", "10.0.0.1:5678", "-m", "camera")
    start = debug_start(command)
    assert start is not None
    assert start.listening("127.0.0.2", {}) == (command, "")


def test_whether_it_is_there(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    assert not has_debugpy(programs)
    (tmp_path / "lib" / "python3.11" / "site-packages" / "debugpy").mkdir(parents=True)
    assert has_debugpy(programs)
