"""`python -m edge_runtime`: finding the command."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from edge_runtime import __main__ as command_line
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = [name for name in command_line._COMMANDS if name != "hub"]


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["--help"]) == 0
    said = capsys.readouterr().out
    for word in (*COMMANDS, "Exit codes"):
        assert word in said


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_tells_its_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main([command, "--help"])
    assert ended.value.code == 0
    assert "exit codes: 0 " in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["fly"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_another_system_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert command_line.main(["run", "x.json"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    line = [sys.executable, "-m", "edge_runtime", command, "--help"]
    result = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert result.returncode == 0
    assert "usage:" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("command", "heavy"), [("evaluate", "aiohttp"), ("twin", "aiohttp"), ("events", "pydantic")]
)
def test_commands_do_not_import_what_they_do_not_need(command: str, heavy: str) -> None:
    code = f"""
import sys
from edge_runtime.__main__ import main
try:
    main([{command!r}, "--help"])
except SystemExit:
    pass
sys.exit({heavy!r} in sys.modules)
"""
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False).returncode
        == 0
    )


def test_ctrl_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("edge_runtime.iothub.events_command.main", interrupted)
    assert command_line.main(["events"]) == 130


def test_the_collector_rests_while_a_command_loads_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    load, collecting = importlib.import_module, list[bool]()

    def loaded(name: str) -> ModuleType:
        collecting.append(gc.isenabled())
        return load(name)

    monkeypatch.setattr("edge_runtime.iothub.events_command.main", lambda _: int(gc.isenabled()))
    monkeypatch.setattr(importlib, "import_module", loaded)
    assert command_line.main(["events"]) == 1
    assert collecting == [False]
