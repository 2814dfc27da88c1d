"""The devices that run on this machine, of this user: found by their processes, wherever their state folders lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.agent import kernel
from edge_runtime.agent.kernel import ProcessId
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.state_folder import StateFolder


@dataclass(frozen=True, slots=True)
class RunningDevice:
    """`supervisor` is None when it was killed: hub and modules go on without it. `modules`: those that run."""

    name: str
    address: str
    state: Path
    supervisor: int | None
    hub: int | None
    modules: tuple[str, ...]

    @property
    def summary(self) -> str:
        """How to recognise it."""
        process = f"process {self.supervisor}" if self.supervisor else "its run was killed, the rest goes on"
        return f"the device {self.name!r} ({process}, state {self.state})"


def running_devices() -> list[RunningDevice]:
    """By address and name."""
    return sorted(_found(), key=lambda device: (_number(device.address), device.name))


def _found() -> Iterator[RunningDevice]:
    for path in kernel.marks():
        folder = StateFolder(path)
        try:
            document: dict[str, Any] = json.loads(folder.hub_configuration.read_text())
            name, address = str(document["deviceId"]), str(document["address"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        registry = ProcessRegistry.load(folder.processes)
        device = RunningDevice(
            name=name,
            address=address,
            state=path,
            supervisor=_pid(registry.supervisor),
            hub=_pid(registry.hub),
            modules=tuple(name for name, process in registry.modules.items() if kernel.is_alive(process)),
        )
        if device.supervisor or device.hub or device.modules:
            yield device


def _pid(process: ProcessId | None) -> int | None:
    return process.pid if process is not None and kernel.is_alive(process) else None


def _number(address: str) -> tuple[int, ...]:
    return tuple(int(part) for part in address.split(".") if part.isdecimal())
