"""What the agent expects of whatever runs modules: processes here, containers elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from edge_runtime.manifest import ModuleSpec


class EngineError(Exception):
    """A module cannot be created or started as it is desired; `str()` is its statusDescription."""


class UnstartableError(EngineError):
    """Starting it again would end the same way: it is failed until it is deployed anew or the run begins anew."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hub gave a module: answers of the control API's PUT `/configuration`."""

    generation_id: str
    workload_uri: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a module wrote, without its end. `written_at`: when, if the engine itself noted it."""

    text: str
    stream: str = "stdout"
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """What a running module uses. None: the engine cannot tell it.

    `cpu_s` are processor seconds since its start, those of all processors together; `memory_limit_bytes` is
    what it may have at most, the machine's memory where nothing limits it.
    """

    cpu_s: float
    memory_bytes: int
    memory_limit_bytes: int
    processes: int
    disk_read_bytes: int | None = None
    disk_written_bytes: int | None = None
    network_in_bytes: int | None = None
    network_out_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """What an engine itself noted of an instance; None where it noted nothing, or it has not happened yet.

    `remark` says of its end what the exit code does not.
    """

    started_at: datetime | None = None
    exited_at: datetime | None = None
    remark: str | None = None


class Instance(Protocol):
    """One started module."""

    @property
    def label(self) -> str:
        """How a person finds it: `pid 4711`."""

    @property
    def unhealthy(self) -> str | None:
        """Why its image's HEALTHCHECK calls it unhealthy; None while it does not, or there is none."""

    @property
    def lifetime(self) -> Lifetime:
        """What the engine knows better than who watches it."""

    async def wait(self) -> int:
        """The exit code, as Docker reports it (137 for SIGKILL)."""

    async def stop(self, grace_s: float) -> int:
        """Ask it to end, force it after `grace_s`; the exit code. Raises EngineError: it may still run."""

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

    def log_lines(self, name: str, since: datetime | None) -> Iterator[LogLine]:
        """What the module wrote, oldest first; of lines written before `since` as many may be left out as is easy.

        Blocks: call it in a thread. Nothing for a module that never started. Raises EngineError.
        """

    def resources(self) -> Mapping[str, Resources]:
        """What the modules that run use, by name. Blocks: call it in a thread. Raises EngineError."""
