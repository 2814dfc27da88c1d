"""A backlog in the hub: written, killed, reopened, drained to a raw client and to the local IoT Hub."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.hub.brokers import Place, configured, hub_process
from benchmarks.hub.children import child
from benchmarks.hub.clients import raw
from benchmarks.processes import Usage
from benchmarks.progress import stage
from edge_runtime.supervisor.control_client import ControlClient

SIZE = 1024
_IN_FLIGHT = 1000
_PATIENCE_S = 90.0
"""Longer than the hub's back-off when nothing took its messages."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rates in messages a second, memory in bytes.

    `reopen_s`: from the new process's start until it is ready, after a `kill -9` with the backlog in the
    store. `faults`: messages out of order, missing or doubled.
    """

    drained_to: str
    messages: int
    written: float
    reopen_s: float
    drained: float
    peak_rss: int
    faults: int


def to_raw_client(place: Place, messages: int) -> Backlog:
    """The receiver is away while it is written. Raises BenchmarkError."""
    written, rss = _written(place, "out", messages)
    began = time.monotonic()
    with hub_process(place) as (process, control):
        reopened_s = time.monotonic() - began
        broker = configured(place, process, control)
        with stage(f"backlog: reading {messages:,} messages") as progress:
            found = raw(broker, {"do": "receive", "messages": messages}, progress)
        rss = max(rss, Usage.of(process.pid).peak_rss_bytes)
    return Backlog("raw client", messages, written, reopened_s, found["rate"], rss, found["faults"])


def to_local_iothub(place: Place, messages: int) -> Backlog:
    """The receiving end is away while it is written. Raises BenchmarkError."""
    written, rss = _written(place, "up", messages)
    with _receiving_end(place):
        began = time.monotonic()
        with hub_process(place) as (process, control):
            reopened_s = time.monotonic() - began
            with stage(f"backlog: {messages:,} messages to the local IoT Hub") as progress:
                took_s = _emptied(control, messages, progress)
            rss = max(rss, Usage.of(process.pid).peak_rss_bytes)
    return Backlog("local IoT Hub", messages, written, reopened_s, messages / took_s, rss, 0)


def _written(place: Place, output: str, messages: int) -> tuple[float, int]:
    """Messages a second, and the hub's peak memory; the hub dies of SIGKILL at the end."""
    with hub_process(place) as (process, control):
        broker = configured(place, process, control)
        job = {"do": "send", "output": output, "messages": messages, "size": SIZE, "in_flight": _IN_FLIGHT}
        with stage(f"backlog: writing {messages:,} messages for {output}") as progress:
            found = raw(broker, job, progress)
        rss = Usage.of(process.pid).peak_rss_bytes
        process.kill()
        process.wait()
    return found["rate"], rss


def _emptied(control: ControlClient, messages: int, progress: Callable[[float], None]) -> float:
    """Seconds until nothing waits any more."""
    began = since = time.monotonic()
    last = messages
    while True:
        queues = control.queues()
        waiting = sum(queue["length"] for queue in queues["queues"]) + queues["unacknowledged"]
        now = time.monotonic()
        if not waiting:
            return now - began
        if waiting != last:
            last, since = waiting, now
            progress(1 - waiting / messages)
        elif now - since > _PATIENCE_S:
            raise BenchmarkError(f"{waiting} messages wait for the local IoT Hub, and it takes none")
        time.sleep(0.25 if waiting > 10_000 else 0.02)


@contextmanager
def _receiving_end(place: Place) -> Iterator[subprocess.Popen[Any]]:
    command = [
        sys.executable,
        "-P",
        "-m",
        "benchmarks.hub.receiving_end",
        str(place.folder),
        str(place.sockets),
    ]
    with (
        (place.folder / "receiving-end.log").open("wb") as log,
        child(command, text=True, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - a pipe
        if process.stdout.readline().strip() != "ready":
            raise BenchmarkError("the receiving end of the local IoT Hub did not start")
        yield process
