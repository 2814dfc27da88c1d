"""After a `run` that was killed: its hub and modules still run and are ended before new ones start."""

from __future__ import annotations

import logging
from pathlib import Path

from edge_runtime.agent import kernel
from edge_runtime.agent.kernel import ProcessId
from edge_runtime.agent.registry import ProcessRegistry

_log = logging.getLogger(__name__)
GRACE_S = 10.0


async def end_survivors(left: ProcessRegistry, state: Path, *, but: int | None = None) -> list[str]:
    """End what an earlier run left, the modules before the hub; gives their names. `but` is a process of this run.

    processes.json names them. A process that was started in the moment before the kill is not in it, so
    the mark in the environment of each process of ours is looked for too.
    """
    modules = {name: process for name, process in left.modules.items() if kernel.is_alive(process)}
    hub = left.hub if left.hub is not None and kernel.is_alive(left.hub) else None
    unnamed = [
        process for process in _leaders(state, but) if process != hub and process not in modules.values()
    ]
    await kernel.end([*modules.values(), *unnamed], GRACE_S)
    if hub is not None:
        await kernel.end([hub], GRACE_S)
    await sweep(state, but=but)
    names = [*sorted(modules), *(f"pid {process.pid}" for process in unnamed)]
    return names if hub is None else [*names, "the hub"]


async def sweep(state: Path, *, but: int | None = None) -> None:
    """End every process that still bears the mark: what a module started in a session of its own."""
    rest = list(kernel.marked(state, but=but))
    if rest:
        _log.warning("%d processes outlived the modules that started them and are ended", len(rest))
        await kernel.end(rest, 1.0)


def _leaders(state: Path, but: int | None) -> list[ProcessId]:
    return [process for process in kernel.marked(state, but=but) if kernel.leads_session(process)]
