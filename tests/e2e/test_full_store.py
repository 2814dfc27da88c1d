"""A store without room, seen by the real SDK: no acknowledgement, recovery by itself, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.recovery.ledger import compare, read_acknowledged, read_arrivals
from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device, program
from tests.edge.manifest import deployment
from tests.patience import PATIENCE_S, wait_for

PROGRAMS = ROOT / "benchmarks" / "recovery"
TRACKS, MESSAGES = 8, 400
QUIET_S = 1.0
ROUTES = {
    "kept": 'FROM /messages/modules/alpha/outputs/out INTO BrokeredEndpoint("/modules/gamma/inputs/in")',
}
LEFT_OUT = ("--without", "alpha", "--without", "gamma")


@pytest.fixture
def small_disk(short: Path) -> Iterator[Path]:
    """The state folder, a disk of its own that 3 MB of messages fill."""
    state = short / "s"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "none", str(state)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield state
    subprocess.run(["umount", "-l", state], check=True)


def store(device: Device) -> dict[str, Any]:
    document: dict[str, Any] = device.snapshot()["store"]
    return document


def fill(ballast: Path) -> None:
    """Take what is left of the disk."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def stands_still(value: Callable[[], int]) -> int:
    """Its value when it has not changed for a second."""
    last, since = value(), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        time.sleep(0.05)
        if (now := value()) != last:
            last, since = now, time.monotonic()
    return last


def sender(device: Device, ledger: Path) -> Any:
    command = (sys.executable, str(PROGRAMS / "sender.py"), str(ledger), str(TRACKS), str(MESSAGES))
    return program(device, "alpha", *command)


def receive_all(device: Device, ledger: Path) -> None:
    receiver = (sys.executable, str(PROGRAMS / "receiver.py"), str(ledger))
    with program(device, "gamma", *receiver):
        wait_for(lambda: len(read_arrivals(ledger)) >= TRACKS * MESSAGES, "every message")


def compare_all(acknowledged: Path, arrivals: Path) -> None:
    confirmed = read_acknowledged(acknowledged)
    found = compare(confirmed, read_arrivals(arrivals))
    assert len(confirmed) == found.arrived == TRACKS * MESSAGES
    assert (found.missing, found.out_of_order, found.other_ids, found.replays) == ([], [], [], 0)


def test_a_full_disk_stops_acknowledgement_until_there_is_space(
    small_disk: Path, device: StartDevice, short: Path
) -> None:
    running = device(deployment({"alpha": {}, "gamma": {}}, ROUTES), *LEFT_OUT).up()
    ballast, ledger = small_disk / "ballast", short / "acknowledged"
    with sender(running, ledger) as sending:
        wait_for(lambda: read_acknowledged(ledger), "messages flow")
        fill(ballast)
        wait_for(lambda: store(running)["status"] == "disk", "a full disk")
        count = stands_still(lambda: len(read_acknowledged(ledger)))
        assert count < TRACKS * MESSAGES
        assert sending.poll() is None
        hub = running.hub()
        ballast.unlink()
        assert sending.wait(PATIENCE_S) == 0
    wait_for(lambda: store(running)["status"] == "ok", "a store with room")
    assert running.hub() == hub
    assert store(running)["episodes"]["disk"] >= 1
    assert "nothing is acknowledged until it can" in running.log("edgeHub")
    receive_all(running, short / "arrivals")
    compare_all(ledger, short / "arrivals")


def test_a_hub_that_is_killed_while_the_disk_is_full_comes_back_when_there_is_space(
    small_disk: Path, device: StartDevice, short: Path
) -> None:
    running = device(deployment({"alpha": {}, "gamma": {}}, ROUTES), *LEFT_OUT).up()
    ballast, ledger, arrivals = small_disk / "ballast", short / "acknowledged", short / "arrivals"
    with sender(running, ledger) as sending:
        wait_for(lambda: read_acknowledged(ledger), "messages flow")
        fill(ballast)
        wait_for(lambda: store(running)["status"] == "disk", "a full disk")
        hub = running.hub()
        os.kill(hub["pid"], signal.SIGKILL)
        wait_for(lambda: "processes.json cannot be written" in running.said(), "a hub that is started again")
        ballast.unlink()
        assert sending.wait(PATIENCE_S) == 0
    receive_all(running, arrivals)
    found = compare(read_acknowledged(ledger), read_arrivals(arrivals))
    assert (found.arrived, found.missing, found.out_of_order) == (TRACKS * MESSAGES, [], [])


def test_a_store_at_its_limit_stops_acknowledgement_until_messages_are_delivered(
    device: StartDevice, short: Path
) -> None:
    running = device(deployment({"alpha": {}, "gamma": {}}, ROUTES), *LEFT_OUT, "--store-limit", "1").up()
    ledger = short / "acknowledged"
    with sender(running, ledger) as sending:
        wait_for(lambda: store(running)["status"] == "limit", "a store at its limit")
        count = stands_still(lambda: len(read_acknowledged(ledger)))
        assert 300 < count < TRACKS * MESSAGES
        assert sending.poll() is None
        assert running.queues()["edge/gamma/in"] == count
        assert (running.state / "hub.db").stat().st_size <= 1024 * 1024
        wait_for(lambda: running.twin("$edgeHub").get("store", {}).get("status") == "limit", "the report")
        receive_all(running, short / "arrivals")
        assert sending.wait(PATIENCE_S) == 0
    wait_for(lambda: store(running)["status"] == "ok", "a store with room")
    assert (running.state / "hub.db").stat().st_size <= 1024 * 1024
    compare_all(ledger, short / "arrivals")
