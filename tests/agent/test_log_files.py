"""Reading a log across its rotated files."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_runtime.agent import logs
from edge_runtime.agent.log_files import file_lines


def texts(path: Path, since: datetime | None = None) -> list[str]:
    return [line.text for line in file_lines(path, since)]


def test_lines_come_oldest_first_across_the_rotated_files(tmp_path: Path) -> None:
    log = tmp_path / "camera.log"
    for number in (2, 1):
        logs.numbered(log, number).write_text(f"rotated {number}\n")
    log.write_bytes(b"first\r\n\nbad \xff byte\nno end")
    assert texts(log) == [
        "rotated 2",
        "rotated 1",
        "first",
        "",
        "bad \N{REPLACEMENT CHARACTER} byte",
        "no end",
    ]


def test_a_log_that_never_was_is_empty(tmp_path: Path) -> None:
    assert texts(tmp_path / "nobody.log") == []


def test_files_that_ended_before_the_time_are_left_out(tmp_path: Path) -> None:
    log = tmp_path / "camera.log"
    log.write_text("new\n")
    logs.numbered(log, 1).write_text("middle\n")
    logs.numbered(log, 2).write_text("old\n")
    os.utime(logs.numbered(log, 1), (2000, 2000))
    os.utime(logs.numbered(log, 2), (1000, 1000))
    assert texts(log, datetime.fromtimestamp(1500, UTC)) == ["middle", "new"]
    assert texts(log, datetime.fromtimestamp(2500, UTC)) == ["new"]


def test_a_rotation_between_the_look_and_the_read_loses_and_doubles_nothing(tmp_path: Path) -> None:
    log = tmp_path / "camera.log"
    logs.numbered(log, 1).write_text("a\n")
    log.write_text("b\n")
    lines = file_lines(log)
    assert next(lines).text == "a"
    logs.rotate(log)
    log.write_text("c\n")
    assert [line.text for line in lines] == ["b"]


def test_no_rotation_begins_while_the_files_are_opened(tmp_path: Path) -> None:
    log = tmp_path / "camera.log"
    log.write_text("a\n")
    with logs.rotation_stopped():
        rotating = threading.Thread(target=logs.rotate, args=(log,))
        rotating.start()
        rotating.join(0.05)
        assert log.read_text() == "a\n"
    rotating.join()
    assert log.read_text() == ""


def test_the_files_are_opened_while_no_rotation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[bool] = []
    numbered = logs.numbered

    def looked(path: Path, number: int) -> Path:
        stopped.append(logs._rotating.locked())
        return numbered(path, number)

    monkeypatch.setattr(logs, "numbered", looked)
    assert texts(tmp_path / "camera.log") == []
    assert stopped
    assert all(stopped)
    assert not logs._rotating.locked()
