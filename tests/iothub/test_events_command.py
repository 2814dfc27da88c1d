"""`python -m edge_runtime events`."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_runtime.iothub.event import Event
from edge_runtime.iothub.events_command import main, moment
from edge_runtime.iothub.store import UpstreamStore
from tests.patience import PATIENCE_S

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def fill(state: Path, *numbers: int) -> None:
    store = UpstreamStore(state / "upstream.db")
    store.add([event(number) for number in numbers])
    store.close()


def event(number: int) -> Event:
    system = {"content-type": "application/json"}
    at = NOW + timedelta(seconds=number)
    return Event(
        "edge", number, "filter", ["events", "summaries"][number % 2], at, {}, system, b'{"n": %d}' % number
    )


def test_lines_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, 1, 2)
    assert main(["--state", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        '2026-01-31T12:00:01.000Z filter/summaries {"n":1}\n2026-01-31T12:00:02.000Z filter/events {"n":2}\n'
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--limit", "1"], [4]),
        (["--output", "events"], [2, 4]),
        (["--module", "camera"], []),
        (["--since", "2026-01-31T12:00:03Z"], [3, 4]),
        (["--since", "1s"], []),
    ],
)
def test_filters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: list[int]
) -> None:
    fill(tmp_path, 1, 2, 3, 4)
    assert main(["--state", str(tmp_path), "--json", *arguments]) == 0
    assert [json.loads(line)["sequence"] for line in capsys.readouterr().out.splitlines()] == expected


def test_the_device_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "edge-runtime" / "line-1").mkdir(parents=True)
    fill(tmp_path / "edge-runtime" / "line-1", 2)
    assert main(["--device", "line-1"]) == 0
    assert "filter/events" in capsys.readouterr().out


def test_no_store_is_said_with_the_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path)]) == 1
    assert "--device" in capsys.readouterr().err


def test_a_file_that_is_no_store_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "upstream.db").write_bytes(b"nothing of the kind" * 500)
    assert main(["--state", str(tmp_path)]) == 1
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["yesterday", "10", "2026-13-01", ""])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="neither a time"):
        moment(text)


def test_an_age_counts_from_now() -> None:
    assert abs((datetime.now(UTC) - moment("2h")).total_seconds() - 7200) < 60
    assert moment("2026-01-31T12:00:00").tzinfo is UTC


def test_follow_shows_events_as_they_come_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_runtime", "events", "--state", str(tmp_path), "--follow", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for number in (1, 2):
            fill(tmp_path, number)
            assert json.loads(process.stdout.readline())["sequence"] == number
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE_S) == 0


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    fill(tmp_path, *range(1, 5000))
    command = f"{sys.executable} -m edge_runtime events --state {tmp_path} | head -1"
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert (result.stderr, result.returncode) == ("", 0)
