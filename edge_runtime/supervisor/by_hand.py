"""Modules that `run --without` leaves out: what a debugger or a shell needs to start them in the runtime's place."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

from edge_runtime.agent.engine import EngineError, Identity
from edge_runtime.agent.process_engine import ProcessEngine
from edge_runtime.manifest import ModuleSpec
from edge_runtime.state_folder import StateFolder, write_private
from edge_runtime.supervisor.announce import Announcer
from edge_runtime.supervisor.shell_lines import shell_lines


class ByHand:
    """Writes STATE/MODULE.env for each, as soon as the packages of its image are there."""

    def __init__(self, engine: ProcessEngine, folder: StateFolder, announcer: Announcer) -> None:
        self._engine = engine
        self._folder = folder
        self._announcer = announcer
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._files: set[Path] = set()

    def offer(self, spec: ModuleSpec, identity: Identity) -> None:
        """Once its files are written it is told how to use them; installing packages may take minutes."""
        before = self._tasks.pop(spec.name, None)
        if before is not None:
            before.cancel()
        try:
            prepared = self._engine.prepare(spec)
        except EngineError:
            self._write(spec, identity, Path.cwd())
            return
        if prepared.installs:
            work = self._install(spec, identity, prepared.folder)
            self._tasks[spec.name] = asyncio.create_task(work, name=f"install {spec.name}")
        else:
            self._write(spec, identity, prepared.folder)

    async def close(self) -> None:
        """Take the files away."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for path in self._files:
            path.unlink(missing_ok=True)

    async def _install(self, spec: ModuleSpec, identity: Identity, folder: Path) -> None:
        try:
            await self._engine.install(spec.name)
        except EngineError as error:
            self._announcer.trouble(f"{spec.name}: {error}")
        self._write(spec, identity, folder)

    def _write(self, spec: ModuleSpec, identity: Identity, folder: Path) -> None:
        path = self._folder.path / f"{spec.name}.env"
        self._files.add(path)
        write_private(path, shell_lines(self._engine.environment(spec, identity)))
        self._announcer.say(
            "without",
            f"{spec.name}: left out; its environment: set -a; . {shlex.quote(str(path))}; set +a; "
            f"cd {shlex.quote(str(folder))}",
            module=spec.name,
            environmentFile=str(path),
        )
