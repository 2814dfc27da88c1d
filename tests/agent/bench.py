"""An agent to try, on an engine that fails on demand and a clock that the test turns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from edge_runtime.agent.agent import Agent
from edge_runtime.agent.engine import EngineError, Identity, Lifetime, LogLine, Resources
from edge_runtime.agent.module import ModuleState
from edge_runtime.agent.restart import RuntimeStatus
from edge_runtime.manifest import ModuleSpec

IDENTITIES = {name: Identity("g", "unix:///s") for name in ("a", "b", "c")}


class ScriptedInstance:
    """A started module that ends when the test, or a stop, says so."""

    def __init__(self, *, obeys: bool) -> None:
        self._obeys = obeys
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.label = "pid 1"
        self.unhealthy: str | None = None
        self.lifetime = Lifetime()

    def end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    async def stop(self, grace_s: float) -> int:
        if self._obeys:
            self.end(143)
        return await self.wait()

    def kill(self) -> None:
        self.end(137)


@dataclass
class ScriptedEngine:
    """Counts what it is told; refuses the images in `refused`, fails to start the modules in `broken`.

    `slow` holds back the start of the modules that it names until its event is set. `on_start` is called at each.
    """

    refused: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    slow: dict[str, asyncio.Event] = field(default_factory=dict)
    on_start: Callable[[], None] = lambda: None
    obeys: bool = True
    calls: list[str] = field(default_factory=list)
    running: dict[str, ScriptedInstance] = field(default_factory=dict)

    async def create(self, spec: ModuleSpec) -> None:
        self.calls.append(f"create {spec.name}")
        if spec.image in self.refused:
            raise EngineError(f"{spec.image} has no source")

    async def start(self, spec: ModuleSpec, identity: Identity) -> ScriptedInstance:
        self.calls.append(f"start {spec.name}")
        self.on_start()
        if spec.name in self.slow:
            await self.slow[spec.name].wait()
        if spec.name in self.broken:
            raise EngineError("python3 is not on PATH")
        self.running[spec.name] = ScriptedInstance(obeys=self.obeys)
        return self.running[spec.name]

    async def remove(self, name: str) -> None:
        self.calls.append(f"remove {name}")

    def log_lines(self, name: str, since: datetime | None) -> Iterator[LogLine]:
        yield LogLine(f"{name} since {since}")

    def resources(self) -> dict[str, Resources]:
        return {}


@dataclass
class Bench:
    """An agent with its engine, its clock and what it told."""

    engine: ScriptedEngine = field(default_factory=ScriptedEngine)
    now: float = 1000.0
    told: list[ModuleState] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.agent = Agent(self.engine, self.told.append, lambda: self.now)

    def desire(self, *specs: ModuleSpec) -> None:
        self.agent.desire(specs, IDENTITIES)

    def status(self, name: str) -> RuntimeStatus:
        return self.agent.states()[name].status

    async def settle(self, tasks: asyncio.TaskGroup) -> None:
        """Rounds until nothing happens any more."""
        for _ in range(4):
            await self.agent.reconcile(tasks)
            for _ in range(5):
                await asyncio.sleep(0)

    async def fail_once(self, tasks: asyncio.TaskGroup, name: str) -> None:
        """The module starts, ends with an error, and starts again after its back-off."""
        await self.settle(tasks)
        self.engine.running[name].end(1)
        await self.settle(tasks)
        assert self.status(name) is RuntimeStatus.BACKOFF
        self.now += 10
        await self.settle(tasks)
        assert self.agent.states()[name].restart_count == 1


@contextlib.asynccontextmanager
async def working(bench: Bench) -> AsyncIterator[asyncio.TaskGroup]:
    async with asyncio.TaskGroup() as tasks:
        yield tasks
        for instance in bench.engine.running.values():
            instance.end(0)
