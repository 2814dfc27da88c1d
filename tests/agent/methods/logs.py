"""Logs for the tests of methods: an engine that has written some, and the store that reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge_runtime.agent.engine import EngineError, Identity, Instance, LogLine, Resources
from edge_runtime.agent.methods.log_store import LogStore
from edge_runtime.manifest import ModuleSpec


@dataclass
class WrittenEngine:
    """An engine whose modules have written `lines`; the log of `broken` cannot be read."""

    lines: Mapping[str, Iterable[str]]
    broken: str = ""
    asked: list[tuple[str, datetime | None]] = field(default_factory=list)

    def log_lines(self, name: str, since: datetime | None) -> Iterator[LogLine]:
        self.asked.append((name, since))
        if name == self.broken:
            raise EngineError("the engine is away")
        yield from (
            LogLine(line, "stderr" if line.startswith("<3>") else "stdout") for line in self.lines[name]
        )

    async def create(self, spec: ModuleSpec) -> None:
        raise NotImplementedError

    async def start(self, spec: ModuleSpec, identity: Identity) -> Instance:
        raise NotImplementedError

    async def remove(self, name: str) -> None:
        raise NotImplementedError

    def resources(self) -> Mapping[str, Resources]:
        return {}


LINES = [
    "<6> 2026-03-10 10:00:00.000 +00:00 [INF] - one",
    "<4> 2026-03-10 11:00:00.000 +00:00 [WRN] - two",
    "<3> 2026-03-10 12:00:00.000 +00:00 [ERR] - three",
    "Traceback of three",
    "<7> 2026-03-10 13:00:00.000 +00:00 [DBG] - four",
]


def store(folder: Path, engine: WrittenEngine | None = None) -> LogStore:
    """Modules camera and filter, with edgeAgent and edgeHub beside them."""
    (folder / "edgeHub.log").write_text("<6> 2026-03-10 10:00:00.000 +00:00 [INF] - hub\n")
    (folder / "edgeAgent.log").write_text("agent\n")
    engine = engine or WrittenEngine({"camera": LINES, "filter": ["f"]})
    return LogStore(
        engine, lambda: engine.lines, {name: folder / f"{name}.log" for name in ("edgeHub", "edgeAgent")}
    )
