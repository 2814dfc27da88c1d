"""What the agent expects of whatever runs modules: processes here, containers elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge_runtime.manifest import ModuleSpec


class EngineError(Exception):
    """A module cannot be created or started as it is desired; `str()` is its statusDescription."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hub gave a module: answers of the control API's PUT `/configuration`."""

    generation_id: str
    workload_uri: str


class Instance(Protocol):
    """One started module."""

    @property
    def label(self) -> str:
        """How a person finds it: `pid 4711`."""

    async def wait(self) -> int:
        """The exit code, as Docker reports it (137 for SIGKILL)."""

    async def stop(self, grace_s: float) -> int:
        """Ask it to end, force it after `grace_s`; the exit code."""

    def kill(self) -> None:
        """Force it at once; `wait` returns soon after."""


class Engine(Protocol):
    """Creates, starts and removes modules."""

    async def create(self, spec: ModuleSpec) -> None:
        """Make ready what starting needs, replacing what an earlier spec left. Raises EngineError."""

    async def start(self, spec: ModuleSpec, identity: Identity) -> Instance:
        """Start the module. Raises EngineError."""

    async def remove(self, name: str) -> None:
        """Forget the module; it does not run."""
