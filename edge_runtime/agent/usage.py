"""What processes use of the machine, from `/proc`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edge_runtime.agent.engine import Resources

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat, counted from the third on, the first after the command.
_SESSION, _USER, _SYSTEM, _WAITED_USER, _WAITED_SYSTEM, _THREADS, _RESIDENT = 3, 11, 12, 13, 14, 17, 21


def session_usage(leaders: Mapping[str, int], proc: Path = _PROC) -> dict[str, Resources]:
    """What each session uses, by the name given to its leader's pid; sessions that have ended are left out.

    One pass over the machine's processes. `processes` counts threads, as a container's number of pids does;
    memory is what is resident, so that pages that processes share count in each.
    """
    names = {pid: name for name, pid in leaders.items()}
    limit = memory_bytes(proc)
    found: dict[str, Resources] = {}
    for entry in proc.iterdir():
        fields = _stat(entry) if entry.name.isdecimal() else None
        name = names.get(int(fields[_SESSION])) if fields else None
        if fields is None or name is None:
            continue
        one = _resources(entry, fields, limit)
        found[name] = _sum(found[name], one) if name in found else one
    return found


def process_usage(pid: int, proc: Path = _PROC) -> Resources | None:
    """What one process uses; None when it has ended."""
    entry = proc / str(pid)
    fields = _stat(entry)
    return _resources(entry, fields, memory_bytes(proc)) if fields else None


def _resources(entry: Path, fields: list[str], limit: int) -> Resources:
    read, written = _transferred(entry)
    ticks = sum(int(fields[n]) for n in (_USER, _SYSTEM, _WAITED_USER, _WAITED_SYSTEM))
    return Resources(
        cpu_s=ticks / _TICKS_PER_S,
        memory_bytes=int(fields[_RESIDENT]) * _PAGE_BYTES,
        memory_limit_bytes=limit,
        processes=int(fields[_THREADS]),
        disk_read_bytes=read,
        disk_written_bytes=written,
    )


def _sum(some: Resources, more: Resources) -> Resources:
    return replace(
        some,
        cpu_s=some.cpu_s + more.cpu_s,
        memory_bytes=some.memory_bytes + more.memory_bytes,
        processes=some.processes + more.processes,
        disk_read_bytes=(some.disk_read_bytes or 0) + (more.disk_read_bytes or 0),
        disk_written_bytes=(some.disk_written_bytes or 0) + (more.disk_written_bytes or 0),
    )


def memory_bytes(proc: Path = _PROC, line: str = "MemTotal") -> int:
    """A line of the machine's memory table: `MemTotal`, `MemAvailable`."""
    for text in (proc / "meminfo").read_text().splitlines():
        name, _, value = text.partition(":")
        if name == line:
            return int(value.split()[0]) * 1024
    raise LookupError(f"{proc / 'meminfo'} has no {line}")


def _stat(entry: Path) -> list[str] | None:
    with contextlib.suppress(OSError):
        return (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return None


def _transferred(entry: Path) -> tuple[int, int]:
    """Bytes that went from and to disks; nothing where another user's process hides them."""
    with contextlib.suppress(OSError):
        table = dict(line.split(": ") for line in (entry / "io").read_text().splitlines())
        return int(table["read_bytes"]), int(table["write_bytes"])
    return 0, 0
