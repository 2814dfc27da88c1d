"""The machine as edgeAgent's metrics show it, from `/proc` and the file system."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.agent.usage import memory_bytes

_PROC = Path("/proc")
_SYSTEM = Path("/sys")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that holds a folder. `kind` is SSD, HDD, or Unknown where the kernel does not say."""

    name: str
    file_system: str
    kind: str
    available_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Machine:
    """At one moment. `busy_s` and `total_s` are processor seconds of all processors since the start."""

    uptime_s: float
    busy_s: float
    total_s: float
    used_memory_bytes: int
    memory_bytes: int
    disk: Disk


def look(folder: Path, proc: Path = _PROC) -> Machine:
    """Blocks for as long as the kernel takes to answer. `disk` is the one of `folder`."""
    idle_s, total_s = _processors(proc)
    memory = memory_bytes(proc)
    return Machine(
        uptime_s=float((proc / "uptime").read_text().split()[0]),
        busy_s=total_s - idle_s,
        total_s=total_s,
        used_memory_bytes=memory - memory_bytes(proc, "MemAvailable"),
        memory_bytes=memory,
        disk=_disk(folder, proc),
    )


def _processors(proc: Path) -> tuple[float, float]:
    """Idle and all processor seconds; the guests' are in the users' already."""
    ticks = [int(field) for field in (proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (ticks[3] + ticks[4]) / _TICKS_PER_S, sum(ticks) / _TICKS_PER_S


def _disk(folder: Path, proc: Path) -> Disk:
    space = os.statvfs(folder)
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    name, file_system = "unknown", "unknown"
    for line in (proc / "self" / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == number:
            file_system, name = after.split()[:2]
    return Disk(
        name=name.rpartition("/")[2],
        file_system=file_system,
        kind=_kind(number),
        available_bytes=space.f_bavail * space.f_frsize,
        total_bytes=space.f_blocks * space.f_frsize,
    )


def _kind(number: str) -> str:
    for below in ("queue", "../queue"):
        with contextlib.suppress(OSError):
            spins = (_SYSTEM / "dev" / "block" / number / below / "rotational").read_text().strip()
            return "HDD" if spins == "1" else "SSD"
    return "Unknown"
