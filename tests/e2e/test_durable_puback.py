"""PUBACK comes after the sync, seen in the hub's system calls."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks.recovery.ledger import compare, read_acknowledged, read_arrivals
from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device, alive, program
from tests.e2e.hub_syscalls import traced
from tests.edge.manifest import deployment
from tests.patience import PATIENCE_S, wait_for

ROUTES = {
    "kept": 'FROM /messages/modules/alpha/outputs/out INTO BrokeredEndpoint("/modules/gamma/inputs/in")'
}
PROGRAMS = ROOT / "benchmarks" / "recovery"
SENDER = str(PROGRAMS / "sender.py")
MQTT = ":8883->"
# How strace writes the beginning of a TLS record, as against that of an alert.
APPLICATION_DATA = r'"\27\3\3'
READ, SYNCS, SYNCED, WRITES = "R", "f", "F", "W"


def events(lines: Iterable[str]) -> str:
    """What strace saw, a letter each: read from the client, a sync begun, a sync done, a write to the client begun."""
    found = []
    half: dict[str, str] = {}
    for line in lines:
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.startswith("sendto(") and MQTT in call:
            found.append(WRITES)
        if call.startswith(("fdatasync(", "fsync(")):
            found.append(SYNCS)
        if call.endswith("<unfinished ...>"):
            half[thread] = call
            continue
        if call.startswith("<..."):
            call = half.pop(thread, "") + call
        result = re.search(r"= (-?\d+)", call)
        if result is None:
            continue
        if call.startswith(("fdatasync(", "fsync(")) and int(result[1]) == 0:
            found.append(SYNCED)
        if call.startswith("recvfrom(") and MQTT in call and int(result[1]) > 0:
            found.append(READ)
    return "".join(found)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['1 recvfrom(9<TCP:[1:8883->2:3]>, "x", 9, 0) = 9', "2 fdatasync(5</hub.db-wal>) = 0"], "RfF"),
        (
            [
                "2 fdatasync(5<x> <unfinished ...>",
                "1 sendto(9<TCP:[1:8883->2:3]>, 1) = 4",
                "2 <... fdatasync resumed>) = 0",
            ],
            "fWF",
        ),
        (["1 sendto(8<UNIX-STREAM:[1]>, 1) = 1", '1 recvfrom(9<TCP:[1:8883->2:3]>, "") = -1 EAGAIN'], ""),
    ],
)
def test_what_strace_writes_is_understood(lines: list[str], expected: str) -> None:
    assert events(lines) == expected


def send(device: Device, folder: Path, tracks: int, messages: int) -> None:
    """Let the real SDK send, and see everything acknowledged."""
    ledger = folder / "acknowledged"
    with program(device, "alpha", sys.executable, SENDER, str(ledger), str(tracks), str(messages)) as sender:
        assert sender.wait(PATIENCE_S) == 0
    assert len(read_acknowledged(ledger)) == tracks * messages


@pytest.fixture
def running(device: StartDevice) -> Device:
    return device(
        deployment({"alpha": {}, "gamma": {}}, ROUTES), "--without", "alpha", "--without", "gamma"
    ).up()


def test_a_sync_lies_between_each_publish_and_its_puback(running: Device, short: Path, strace: str) -> None:
    log = short / "strace"
    messages = 30
    with traced(strace, running.hub()["pid"], log, "-e", "trace=fdatasync,fsync,sendto,recvfrom"):
        send(running, short, 1, messages)
    seen = events(log.read_text().splitlines())
    # One message at a time, so each exchange reads a PUBLISH, syncs, and then writes the PUBACK. Before them come
    # TLS and CONNECT, after them DISCONNECT and the end of TLS.
    # The sync begins after the PUBLISH was read, or it would be another message's.
    other = f"[{READ}{SYNCS}{SYNCED}]*"
    exchange = f"{READ}{other}{SYNCS}{other}{SYNCED}{other}{WRITES}[{SYNCS}{SYNCED}]*"
    assert re.search(f"(?:{exchange}){{{messages}}}", seen), seen


def test_messages_share_a_slow_sync(running: Device, short: Path, strace: str) -> None:
    log = short / "strace"
    # So slow that even a sender on a busy machine has all its tracks waiting for each.
    slow = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=200000")
    with traced(strace, running.hub()["pid"], log, *slow):
        send(running, short, 16, 20)
    syncs = events(log.read_text().splitlines()).count(SYNCED)
    assert 0 < syncs < 16 * 20 / 4


def test_what_a_failing_sync_has_not_made_durable_is_not_acknowledged(
    running: Device, short: Path, strace: str
) -> None:
    log, ledger, messages = short / "strace", short / "acknowledged", 60
    hub = running.hub()
    fails = ("-e", "trace=fdatasync,sendto", "-e", "inject=fdatasync:error=EIO:when=20+")
    command = (sys.executable, SENDER, str(ledger), "1", str(messages))
    with traced(strace, hub["pid"], log, *fails), program(running, "alpha", *command) as sender:
        wait_for(lambda: not alive(hub), "the hub's end")
        assert sender.wait(PATIENCE_S) == 0  # by the hub that came after it
    lines = log.read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if "EIO" in line and "INJECTED" in line)
    # One message at a time: what is sent after the sync that failed could only be its PUBACK.
    assert any(APPLICATION_DATA in line for line in lines[:first])
    assert [line for line in lines[first:] if MQTT in line and APPLICATION_DATA in line] == []
    assert "edgeHub: exit code 1; started again" in running.said()
    arrivals = short / "arrivals"
    with program(running, "gamma", sys.executable, str(PROGRAMS / "receiver.py"), str(arrivals)):
        wait_for(
            lambda: compare(read_acknowledged(ledger), read_arrivals(arrivals)).missing == [], "every message"
        )
    found = compare(read_acknowledged(ledger), read_arrivals(arrivals))
    assert (found.arrived, found.out_of_order) == (messages, [])
