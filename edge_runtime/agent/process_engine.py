"""The `process` engine: a module is a process of this machine, started as its image would start it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from edge_runtime.agent.child import Child
from edge_runtime.agent.engine import EngineError, Identity, LogLine, Resources
from edge_runtime.agent.environment import Device, MetricsPorts, module_environment
from edge_runtime.agent.image_view import ImageView
from edge_runtime.agent.kernel import MARK
from edge_runtime.agent.log_files import file_lines
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.agent.usage import session_usage
from edge_runtime.manifest import ModuleSource, ModuleSpec, dockerfile
from edge_runtime.state_folder import StateFolder


@dataclass(frozen=True, slots=True)
class Prepared:
    """How to start a module: ENV of its image with paths that exist here."""

    command: tuple[str, ...]
    folder: Path
    image_variables: Mapping[str, str]
    view: ImageView | None


class ProcessInstance:
    """A module's process; implements `Instance`."""

    def __init__(self, child: Child, ended: Callable[[], None]) -> None:
        self._child = child
        self._ended = ended

    @property
    def label(self) -> str:
        return f"pid {self._child.identity.pid}"

    @property
    def unhealthy(self) -> str | None:
        return None

    async def wait(self) -> int:
        code = await self._child.wait()
        self._ended()
        return code

    async def stop(self, grace_s: float) -> int:
        return await self._child.stop(grace_s)

    def kill(self) -> None:
        self._child.kill()


class ProcessEngine:
    """Implements `Engine`.

    `commands` replaces the image's command, by module; such a module runs in the user's own folder.
    """

    def __init__(
        self,
        *,
        state: StateFolder,
        device: Device,
        find_source: Callable[[str], ModuleSource | None],
        commands: Mapping[str, Sequence[str]],
        registry: ProcessRegistry,
        ports: MetricsPorts,
    ) -> None:
        self._state = state
        self._device = device
        self._find_source = find_source
        self._commands = commands
        self._registry = registry
        self._ports = ports
        self._prepared: dict[str, Prepared] = {}

    async def create(self, spec: ModuleSpec) -> None:
        self.prepare(spec)

    async def start(self, spec: ModuleSpec, identity: Identity) -> ProcessInstance:
        prepared = self._prepared[spec.name]
        environment = self.environment(spec, identity)
        command = _find_program(prepared.command, environment["PATH"])
        try:
            child = Child.spawn(
                command,
                environment={**environment, MARK: str(self._state.path)},
                folder=prepared.folder,
                log=self._state.log(spec.name),
            )
        except (OSError, ValueError) as error:
            raise EngineError(f"{command[0]} cannot be started: {error}") from error
        self._registry.record_module(spec.name, child.identity)
        return ProcessInstance(child, lambda: self._registry.record_module(spec.name, None))

    async def remove(self, name: str) -> None:
        self._prepared.pop(name, None)
        shutil.rmtree(self._state.modules / name, ignore_errors=True)

    def log_lines(self, name: str, since: datetime | None) -> Iterator[LogLine]:
        return file_lines(self._state.log(name), since)

    def resources(self) -> dict[str, Resources]:
        return session_usage({name: process.pid for name, process in self._registry.modules.items()})

    def environment(self, spec: ModuleSpec, identity: Identity) -> dict[str, str]:
        """What the module's process finds, or a process started by hand in its place."""
        prepared = self._prepared.get(spec.name)
        view = prepared.view if prepared else None
        return module_environment(
            self._device,
            spec.name,
            identity,
            image=prepared.image_variables if prepared else {},
            user={name: view.translate(value) for name, value in spec.env.items()} if view else spec.env,
            metrics_port=self._ports[spec.name],
        )

    def prepare(self, spec: ModuleSpec) -> Prepared:
        """Find out how the module starts, and build its view. Raises EngineError."""
        self._prepared.pop(spec.name, None)
        prepared = self._prepared[spec.name] = self._find_start(spec)
        return prepared

    def _find_start(self, spec: ModuleSpec) -> Prepared:
        own = self._commands.get(spec.name)
        if own is not None:
            return Prepared(tuple(own), Path.cwd(), {}, None)
        source = self._find_source(spec.image)
        if source is None:
            raise EngineError(
                f"the image {spec.image} has no source in this solution; "
                f"give it a command with --module {spec.name}=CMD, or leave it out with --without {spec.name}"
            )
        try:
            recipe = dockerfile.read(source.dockerfile, source.context, source.build_arguments)
        except dockerfile.DockerfileError as error:
            raise EngineError(str(error)) from error
        return self._mirror(spec, recipe)

    def _mirror(self, spec: ModuleSpec, recipe: dockerfile.ImageRecipe) -> Prepared:
        view = ImageView(self._state.modules / spec.name)
        try:
            view.begin()
            folder = view.folder(PurePosixPath(recipe.workdir))
            for copy in recipe.copies:
                view.copy(copy.source, PurePosixPath(copy.destination))
        except OSError as error:
            raise EngineError(f"the view of {spec.image} cannot be built: {error}") from error
        variables = {name: view.translate(value) for name, value in recipe.env.items()}
        return Prepared(tuple(recipe.command), folder, variables, view)


def _find_program(command: Sequence[str], path: str) -> list[str]:
    program = shutil.which(command[0], path=path)
    if program is None:
        raise EngineError(f"{command[0]} is not on PATH")
    return [program, *command[1:]]
