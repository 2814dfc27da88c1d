"""However the demo or the supervisor ends: nothing is left over, or everything goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.agent import kernel
from tests.e2e.conftest import StartDevice
from tests.e2e.demo import DEMO, Terminal
from tests.e2e.device import alive
from tests.patience import PATIENCE_S, wait_for

SAMPLE = {"CAMERA_SOURCE": "sample:", "CAMERA_FPS": "10"}


@pytest.fixture
def terminal(short: Path, loopback: str) -> Iterator[Terminal]:
    terminal = Terminal(short, loopback, "--source", "sample:", "--plain")
    yield terminal
    terminal.close()


def test_ctrl_c_leaves_nothing(terminal: Terminal) -> None:
    terminal.until_printed("prediction")
    assert terminal.sockets(), "else this test could not see them"
    terminal.press_ctrl_c()
    assert terminal.wait() == 0
    assert "lost / duplicates" in terminal.printed.decode()
    assert terminal.leftovers() == []


def test_sigterm_leaves_nothing(terminal: Terminal) -> None:
    terminal.until_printed("prediction")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.wait() == 0
    assert terminal.leftovers() == []


@pytest.mark.parametrize("pause_s", [0.0, 0.5])
def test_a_second_ctrl_c_leaves_nothing(terminal: Terminal, pause_s: float) -> None:
    terminal.until_printed("prediction")
    terminal.press_ctrl_c()
    time.sleep(pause_s)
    terminal.press_ctrl_c()
    terminal.wait()
    assert terminal.leftovers() == []
    assert b"Traceback" not in terminal.printed


@pytest.mark.parametrize("after_s", [0.1, 0.8])
def test_ctrl_c_while_it_starts_leaves_nothing(terminal: Terminal, after_s: float) -> None:
    terminal.state()
    time.sleep(after_s)
    terminal.press_ctrl_c()
    terminal.wait()
    assert terminal.leftovers() == []
    assert b"Traceback" not in terminal.printed


@pytest.mark.parametrize("after_s", [0.15, 0.3, 0.45])
def test_ctrl_c_before_there_is_anything_to_see_leaves_nothing(terminal: Terminal, after_s: float) -> None:
    """While the demo imports what it needs, makes its state folder and starts its runtime.

    A hub that is loading when its supervisor ends finds its pipe closed as soon as it has loaded, and ends then.
    """
    time.sleep(after_s)
    terminal.press_ctrl_c()
    terminal.wait()
    wait_for(lambda: terminal.leftovers() == [], "nothing is left")
    assert b"Traceback" not in terminal.printed


def test_a_reader_that_goes_away_ends_it_quietly(short: Path, loopback: str) -> None:
    """As `scripts/demo | head -1` does."""
    with subprocess.Popen(
        [DEMO, "--plain", "--address", loopback, "--report", "r.json"],
        cwd=short,
        env={**os.environ, "TMPDIR": str(short)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        assert demo.stdout.readline()
        demo.stdout.close()
        assert demo.stderr.read() == b""
        assert demo.wait(PATIENCE_S) == 0
    assert json.loads((short / "r.json").read_text())["lost"] == 0
    assert list(short.glob("edge-demo-*")) == []


def test_a_killed_demo_takes_its_runtime_along(terminal: Terminal) -> None:
    terminal.until_printed("prediction")
    state = terminal.state()
    assert len(list(kernel.marked(state))) == 4, "the hub and three modules"
    terminal.process.kill()
    terminal.wait()
    # A process that ends has no environment any more, by which it is found, before its sockets are closed.
    wait_for(
        lambda: not terminal.sockets() and not any("process" in left for left in terminal.leftovers()),
        "the end of its processes and sockets",
    )
    assert not (state / "endpoints.json").exists()


@pytest.mark.slow
def test_a_killed_supervisor_harms_nothing_and_the_next_run_has_no_second_copy(device: StartDevice) -> None:
    first = device(None, **SAMPLE).up()
    with first.feed("stored") as feed:
        feed.stored("predictions")
        registered = first.processes
        ours = [registered["hub"], *registered["modules"].values()]
        first.kill()
        list(feed.taken())
        # Frames are still classified, and what is for upstream waits.
        feed.stored("predictions")
        waits = feed.stored("events")
        assert waits["endpoints"] == ["iothub"]
    assert all(alive(process) for process in ours)
    assert first.snapshot()["unacknowledged"] > 0

    endpoints = first.state / "endpoints.json"
    os.utime(endpoints, (0, 0))
    second = device(None, "--json", **SAMPLE)
    wait_for(lambda: endpoints.exists() and endpoints.stat().st_mtime > 1, "the second run")
    assert not any(alive(process) for process in ours)
    assert "ended what an earlier run left: camera, classifier, results_filter, the hub" in second.said()
    second.module("camera")
    assert len(list(kernel.marked(second.state))) == 4, "the hub and three modules, no second copy"

    def arrived() -> bool:
        shown = second.command("events", "--output", "events", "--json").stdout.splitlines()
        ids = [json.loads(line)["systemProperties"]["message-id"] for line in shown]
        assert len(ids) == len(set(ids))
        return waits["sys"]["messageId"] in ids

    wait_for(arrived, "the event that waited")
    with second.feed("stored") as feed:
        feed.stored("predictions")
    assert second.stop() == 0
    assert list(kernel.marked(second.state)) == []
