"""One `kill -9` of the hub process, and what happens until a module gets a message again."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from benchmarks.device import HUB, Device
from benchmarks.errors import BenchmarkError
from benchmarks.recovery.ledger import read_arrivals
from edge_runtime.agent import kernel

T = TypeVar("T")

PATIENCE_S = 60.0
_POLL_S = 0.005
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_CONNECTED = re.compile(r"(\d\d\d\d-\S+ \d\d:\d\d:\d\d\.\d\d\d \S+) .* - edge/(\w+) .*: connected, ")


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from the kill until: the new process existed, said that it was ready, had the receiver, delivered."""

    started_s: float
    ready_s: float
    connected_s: float
    delivered_s: float

    def document(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}


async def kill_hub(device: Device, receiver: str, arrivals: Path) -> Recovery:
    """Kill it; returns when `receiver` got a message from the hub that came after it.

    Raises:
        BenchmarkError: none came.
    """
    pid, log = device.pids()[HUB], device.state / "logs" / "edgeHub.log"
    said, arrived = log.stat().st_size, arrivals.stat().st_size
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    await _until(lambda: re.search(rb"^ready ", _after(log, said), re.MULTILINE), "a hub that is ready")
    ready = time.monotonic()
    started = _started(device.pids()[HUB])

    connected = await _until(
        lambda: _connected(_after(log, said).decode(), receiver), f"{receiver} connected to it"
    )

    # What the receiver's SDK held before the kill comes sooner than that.
    def delivered() -> float | None:
        return next(
            (arrival.at for arrival in read_arrivals(arrivals, arrived) if arrival.at > connected), None
        )

    first = await _until(delivered, "a message from it")
    return Recovery(started - began, ready - began, connected - began, first - began)


async def _until(look: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"not within {PATIENCE_S:.0f} s of the hub's end: {what}")
        await asyncio.sleep(_POLL_S)
    return found


def _after(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()


def _started(pid: int) -> float:
    """By the monotonic clock, which on Linux begins at the boot as the kernel's start times do."""
    process = kernel.identify(pid)
    if process is None:
        raise BenchmarkError(f"the hub that came after the kill, process {pid}, has ended")
    return process.started / _TICKS_PER_S


def _connected(log: str, module: str) -> float | None:
    """When the hub that wrote this took the module's connection, by the monotonic clock."""
    for line in log.splitlines():
        found = _CONNECTED.search(line)
        if found and found[2] == module:
            at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S.%f %z")
            return at.timestamp() - time.time() + time.monotonic()
    return None
