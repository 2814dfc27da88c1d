"""The `process` engine: a module is a process of this machine, started as its image would start it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath

from edge_runtime.agent.child import Child
from edge_runtime.agent.debugger import debug_start, has_debugpy
from edge_runtime.agent.engine import EngineError, Identity, Lifetime, LogLine, Resources
from edge_runtime.agent.environment import Device, MetricsPorts, module_environment
from edge_runtime.agent.health import HealthMonitor
from edge_runtime.agent.image_view import ImageView, Script, discard_unfinished, new_view
from edge_runtime.agent.kernel import MARK
from edge_runtime.agent.log_files import file_lines
from edge_runtime.agent.python_environment import PythonEnvironments, default_cache
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.agent.usage import session_usage
from edge_runtime.manifest import ModuleSource, ModuleSpec, dockerfile
from edge_runtime.manifest.healthcheck import Healthcheck, InvalidHealthcheckError, with_options
from edge_runtime.manifest.pip_install import PipInstall
from edge_runtime.state_folder import StateFolder


@dataclass(frozen=True, slots=True)
class Prepared:
    """How to start a module: ENV of its image with paths that exist here.

    `installs` and `python`: the packages of its image, and the version of Python that has them there.
    """

    command: tuple[str, ...]
    folder: Path
    image_variables: Mapping[str, str] = field(default_factory=dict)
    view: ImageView | None = None
    script: Script | None = None
    installs: tuple[PipInstall, ...] = ()
    python: str = ""
    check: Healthcheck | None = None


class ProcessInstance:
    """A module's process; implements `Instance`."""

    def __init__(self, child: Child, ended: Callable[[], None], monitor: HealthMonitor | None = None) -> None:
        self._child = child
        self._ended = ended
        self._monitor = monitor

    @property
    def label(self) -> str:
        return f"pid {self._child.identity.pid}"

    @property
    def unhealthy(self) -> str | None:
        return self._monitor.unhealthy if self._monitor is not None else None

    @property
    def lifetime(self) -> Lifetime:
        return Lifetime()

    async def wait(self) -> int:
        code = await self._child.wait()
        if self._monitor is not None:
            await self._monitor.stop()
        self._ended()
        return code

    async def stop(self, grace_s: float) -> int:
        return await self._child.stop(grace_s)

    def kill(self) -> None:
        self._child.kill()


class ProcessEngine:
    """Implements `Engine`.

    `commands` replaces the image's command, by module; such a module runs in the user's own folder. `say` takes a
    module's name and what the engine is doing for it that takes long.
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
        say: Callable[[str, str], None] = lambda _module, _text: None,
    ) -> None:
        self._state = state
        self._device = device
        self._find_source = find_source
        self._commands = commands
        self._registry = registry
        self._ports = ports
        self._say = say
        self._environments = PythonEnvironments(default_cache(), state.path)
        self._programs: dict[str, Path] = {}
        self._prepared: dict[str, Prepared] = {}
        discard_unfinished(state.modules)

    async def create(self, spec: ModuleSpec) -> None:
        self.prepare(spec)

    async def start(self, spec: ModuleSpec, identity: Identity) -> ProcessInstance:
        prepared = self._prepared[spec.name]
        await self.install(spec.name)
        environment = {**self.environment(spec, identity), MARK: str(self._state.path)}
        command = _find_program(self._command(spec, prepared), environment["PATH"])
        spawn = partial(Child.spawn, environment=environment, folder=prepared.folder)
        try:
            if prepared.script is not None:
                prepared.script.take()
            child = spawn(command, log=self._state.log(spec.name))
        except (OSError, ValueError) as error:
            raise EngineError(f"{command[0]} cannot be started: {error}") from error
        self._registry.record_module(spec.name, child.identity)
        monitor = _monitor(prepared.check, spawn, environment["PATH"])
        return ProcessInstance(child, lambda: self._registry.record_module(spec.name, None), monitor)

    def _command(self, spec: ModuleSpec, prepared: Prepared) -> tuple[str, ...]:
        """That of the image, with its debugger where that can be reached and by nobody else."""
        start = debug_start(prepared.command) if prepared.view else None
        if start is None:
            return prepared.command
        if not has_debugpy(self._programs.get(spec.name)):
            self._say(
                spec.name, "debugpy, under which its image starts it, is not installed: it starts without"
            )
            return start.plain
        command, place = start.listening(self._device.address, spec.create_options)
        if place:
            self._say(spec.name, f"debugpy listens on {place}")
        return command

    async def install(self, name: str) -> None:
        """Make the environment of the prepared module's packages, which may take minutes. Raises EngineError."""
        prepared = self._prepared[name]
        if prepared.installs:
            self._programs[name] = await self._environments.programs(
                prepared.installs, prepared.python, partial(self._say, name)
            )

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
            programs=self._programs.get(spec.name),
        )

    def prepare(self, spec: ModuleSpec) -> Prepared:
        """Find out how the module starts, and build its view. Raises EngineError."""
        self._prepared.pop(spec.name, None)
        self._programs.pop(spec.name, None)
        prepared = self._prepared[spec.name] = self._find_start(spec)
        return prepared

    def _find_start(self, spec: ModuleSpec) -> Prepared:
        own = self._commands.get(spec.name)
        if own is not None:
            return Prepared(tuple(own), Path.cwd())
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
        for told in recipe.passed_over:
            self._say(spec.name, told)
        return self._mirror(spec, recipe)

    def _mirror(self, spec: ModuleSpec, recipe: dockerfile.ImageRecipe) -> Prepared:
        folder = PurePosixPath(recipe.workdir)
        try:
            with new_view(self._state.modules) as view:
                view.folder(folder)
                for copy in recipe.copies:
                    view.copy(copy.source, PurePosixPath(copy.destination))
                start = debug_start(recipe.command)
                name = _script_of(start.plain if start else recipe.command)
                script = view.script(folder, name) if name else None
                view.settle(self._state.modules / spec.name)
        except OSError as error:
            raise EngineError(f"the view of {spec.image} cannot be built: {error}") from error
        variables = {name: view.translate(value) for name, value in recipe.env.items()}
        return Prepared(
            tuple(recipe.command),
            view.inside(folder),
            variables,
            view,
            script,
            tuple(recipe.installs),
            recipe.python,
            _check(recipe, spec),
        )


def _script_of(command: Sequence[str]) -> str | None:
    """The file that `python3 -u ./main.py` starts; None for `-m`, `-c` and other programs."""
    if not command[0].startswith("python"):
        return None
    words = iter(command[1:])
    for word in words:
        if not word.startswith("-"):
            return word
        if word in {"-m", "-c"}:
            return None
        if word in {"-W", "-X"}:
            next(words, None)
    return None


def _check(recipe: dockerfile.ImageRecipe, spec: ModuleSpec) -> Healthcheck | None:
    try:
        return with_options(recipe.healthcheck, spec.create_options)
    except InvalidHealthcheckError as error:
        raise EngineError(str(error)) from error


def _monitor(check: Healthcheck | None, spawn: partial[Child], path: str) -> HealthMonitor | None:
    """A check that cannot be started is one that fails, as with Docker."""
    if check is None:
        return None
    program = shutil.which(check.command[0], path=path) or check.command[0]
    return HealthMonitor(check, lambda output: spawn([program, *check.command[1:]], log=output))


def _find_program(command: Sequence[str], path: str) -> list[str]:
    program = shutil.which(command[0], path=path)
    if program is None:
        raise EngineError(f"{command[0]} is not on PATH")
    return [program, *command[1:]]
