"""Processes as the kernel knows them: start times, sessions, and a mark in their environment.

A pid alone names nothing, since the kernel uses it again. A pid with its start time does; a pidfd
keeps that true between the look and the signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.agent import inherited

MARK = inherited.MARK
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A pid and its kernel start time (field 22 of `/proc/PID/stat`, in clock ticks since boot)."""

    pid: int
    started: int


def identify(pid: int) -> ProcessId | None:
    """The process that has this pid now; None when there is none or it is a zombie."""
    fields = _stat(pid)
    if fields is None or fields[0] in {"Z", "X"}:
        return None
    return ProcessId(pid, int(fields[19]))


def is_alive(process: ProcessId) -> bool:
    """Whether this very process runs still."""
    return identify(process.pid) == process


def leads_session(process: ProcessId) -> bool:
    """Whether the process began a session of its own, as all that the runtime starts do."""
    fields = _stat(process.pid)
    return fields is not None and int(fields[3]) == process.pid


def marked(state: Path, *, but: int | None = None) -> Iterator[ProcessId]:
    """Every live process of ours but this one, and `but`, whose environment bears the state folder's mark."""
    for pid, mark in _bearers():
        if mark == os.fsencode(state) and pid not in {os.getpid(), but}:
            process = identify(pid)
            if process is not None:
                yield process


def marks() -> set[Path]:
    """The state folders that processes of this user bear."""
    return {Path(os.fsdecode(mark)) for _, mark in _bearers()}


def _bearers() -> Iterator[tuple[int, bytes]]:
    prefix = f"{MARK}=".encode()
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        for variable in environment.split(b"\0"):
            if variable.startswith(prefix):
                yield int(entry.name), variable.removeprefix(prefix)


def send(process: ProcessId, number: signal.Signals) -> bool:
    """Signal this very process; False when it is gone."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not is_alive(process):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


async def end(processes: Iterable[ProcessId], grace_s: float) -> None:
    """SIGTERM, then SIGKILL after `grace_s`; returns when none of them runs.

    The processes need not be children of this one.
    """
    remaining = [process for process in processes if send(process, signal.SIGTERM)]
    await _gone(remaining, grace_s)
    for process in remaining:
        send(process, signal.SIGKILL)
    await _gone(remaining, grace_s)


async def _gone(processes: list[ProcessId], timeout_s: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while loop.time() < deadline and any(is_alive(process) for process in processes):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def _stat(pid: int) -> list[str] | None:
    """Fields from the third on; the second, the command, may itself hold blanks and brackets."""
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return None
