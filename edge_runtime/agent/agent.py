"""The reconcile loop: brings what runs to what is desired, and keeps it there (spec D.2)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping

from edge_runtime.agent.engine import Engine, EngineError, Identity, Instance, UnstartableError
from edge_runtime.agent.measurements import Measurements
from edge_runtime.agent.module import NEVER, Managed, ModuleState
from edge_runtime.agent.plan import Action, Command, plan
from edge_runtime.agent.restart import RECONCILE_S, Clock
from edge_runtime.manifest import ModuleSpec

_log = logging.getLogger(__name__)
STOP_GRACE_S = 10.0


class Agent:
    """Supervises modules with one engine. All methods belong to one event loop.

    `changed` is called with the state of each module that changed; it must not block.
    """

    def __init__(
        self, engine: Engine, changed: Callable[[ModuleState], None], clock: Clock = time.monotonic
    ) -> None:
        self._engine = engine
        self._changed = changed
        self._clock = clock
        self.measurements = Measurements(clock)
        self._desired: dict[str, ModuleSpec] = {}
        self._identities: dict[str, Identity] = {}
        self._modules: dict[str, Managed] = {}
        self._told: dict[str, ModuleState] = {}
        self._wake = asyncio.Event()

    def desire(self, modules: Iterable[ModuleSpec], identities: Mapping[str, Identity]) -> None:
        """What is to run from now on. Modules without an identity wait until they have one."""
        self._identities = dict(identities)
        self._desired = {spec.name: spec for spec in modules if spec.name in self._identities}
        for name, module in self._modules.items():
            if name not in self._desired:
                continue
            if self._desired[name].status == "running":
                module.stop_error = None  # what is to be replaced fails to end again, if it does
            else:
                module.start_decided(_to_be_stopped(name))
        self.measurements.deployment_began()
        self._wake.set()

    def states(self) -> dict[str, ModuleState]:
        """All modules, by name."""
        return {name: module.state() for name, module in sorted(self._modules.items())}

    def problems(self) -> dict[str, str]:
        """The desired modules that could not be created, started or stopped, and why."""
        found = {
            name: module.failure or module.start_error or module.stop_error
            for name, module in sorted(self._modules.items())
        }
        return {
            name: reason for name, reason in found.items() if reason is not None and name in self._desired
        }

    async def run(self) -> None:
        """Reconcile until cancelled; modules go on then, `stop` ends them."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                delay = await self.reconcile(tasks)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._wake.wait()

    async def reconcile(self, tasks: asyncio.TaskGroup) -> float:
        """One round; gives the seconds until the next. Waiting for modules to end happens in `tasks`."""
        observed = {name: module.observed() for name, module in self._modules.items()}
        desired = self._desired
        round_ = plan(desired, observed, self._clock())
        for action in round_.actions:
            if self._desired is not desired:
                # Something else has been desired while the engine was at work; the next round follows at once.
                break
            await self._execute(action, tasks)
        self._tell()
        self._measure(idle=not round_.actions)
        if round_.next_at is None:
            return RECONCILE_S
        return min(RECONCILE_S, max(0.0, round_.next_at - self._clock()))

    async def restart(self, name: str) -> None:
        """End the module, if it runs, and start it at once, which no policy counts; returns when it has started.

        Raises EngineError: there is no such module, or it cannot start.
        """
        module = self._modules.get(name)
        if module is None or name not in self._desired:
            raise EngineError(f"Module {name} not found in the current environment")
        if module.failure is not None:
            raise EngineError(module.failure)
        if self._desired[name].status != "running":
            raise EngineError(_to_be_stopped(name))
        started = module.next_start()
        await self._stop(module, STOP_GRACE_S)
        if module.stop_error is not None:
            raise EngineError(module.stop_error)
        module.forget_exit()
        self._wake.set()
        problem = await started
        if problem is not None:
            raise EngineError(problem)

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """End all modules side by side; returns when none runs, or the engine does not end it.

        Call it when `run` has been cancelled.
        """
        self._desired = {}
        async with asyncio.TaskGroup() as tasks:
            for module in self._modules.values():
                if module.instance is not None:
                    tasks.create_task(self._end(module, module.instance, grace_s))

    def kill(self) -> None:
        """Force all modules to end at once."""
        for module in self._modules.values():
            if module.instance is not None:
                module.instance.kill()

    async def _execute(self, action: Action, tasks: asyncio.TaskGroup) -> None:
        module = self._modules.get(action.name)
        match action.command:
            case Command.STOP if module is not None:
                tasks.create_task(self._stop(module, STOP_GRACE_S), name=f"stop {action.name}")
            case Command.REMOVE:
                with self.measurements.timed("remove"):
                    await self._engine.remove(action.name)
                self._modules.pop(action.name).start_decided("the module was removed")
            case Command.CREATE:
                await self._create(self._desired[action.name])
            case Command.RESTART if module is not None and module.instance is not None:
                module.replacing = True
                tasks.create_task(self._stop(module, STOP_GRACE_S), name=f"replace {action.name}")
            case Command.START | Command.RESTART if module is not None and module.failure is None:
                if not self._must_wait(module):
                    await self._begin(module, tasks, restart=action.command is Command.RESTART)

    async def _create(self, spec: ModuleSpec) -> None:
        if spec.name in self._modules:
            self._modules[spec.name].start_decided("the module was replaced by another version of it")
        module = self._modules[spec.name] = Managed(spec, self._clock)
        self.measurements.updates[spec.name, spec.version] += 1
        try:
            with self.measurements.timed("create"):
                await self._engine.create(spec)
        except EngineError as error:
            module.failure = str(error)

    def _must_wait(self, module: Managed) -> bool:
        """Whether the first start of a module is held back by an earlier group, one of which is still starting."""
        return module.started_at == NEVER and any(
            other.start is not None and other.spec.startup_order < module.spec.startup_order
            for other in self._modules.values()
        )

    async def _begin(self, module: Managed, tasks: asyncio.TaskGroup, *, restart: bool) -> None:
        """Start beside everything else: an engine that must pull an image first takes its time."""
        start = self._start(module, self._identities[module.spec.name], tasks, restart=restart)
        module.start = tasks.create_task(start, name=f"start {module.spec.name}")
        # An engine that starts a module at once has done so before this round goes on.
        await asyncio.sleep(0)

    async def _start(
        self, module: Managed, identity: Identity, tasks: asyncio.TaskGroup, *, restart: bool
    ) -> None:
        spec = module.spec
        self.measurements.starts[spec.name, spec.version] += 1
        try:
            with self.measurements.timed("restart" if restart else "start"):
                instance = await self._engine.start(spec, identity)
        except UnstartableError as error:
            module.cannot_start(str(error))
        except EngineError as error:
            module.did_not_start(str(error), restart=restart)
        else:
            module.has_started(instance, restart=restart)
            tasks.create_task(self._watch(module, instance), name=f"watch {spec.name}")
        finally:
            module.start = None
        self._tell()
        self._wake.set()

    async def _watch(self, module: Managed, instance: Instance) -> None:
        code = await instance.wait()
        if module.instance is instance:
            module.has_exited(code)
            self._tell()
            self._wake.set()

    async def _end(self, module: Managed, instance: Instance, grace_s: float) -> None:
        await self._stop(module, grace_s)
        if module.stop_error is None:
            await self._watch(module, instance)

    async def _stop(self, module: Managed, grace_s: float) -> None:
        if module.start is not None:
            module.start.cancel()
            await asyncio.wait([module.start])
            self._wake.set()
        if module.instance is not None:
            module.stopping = True
            self.measurements.stops[module.spec.name, module.spec.version] += 1
            try:
                with self.measurements.timed("stop"):
                    await module.instance.stop(grace_s)
            except EngineError as error:
                if module.stop_error is None:
                    _log.warning("%s: %s; trying again", module.spec.name, error)
                module.did_not_stop(str(error))
            else:
                module.stop_error = None

    def _measure(self, *, idle: bool) -> None:
        wanted = [name for name, spec in self._desired.items() if spec.status == "running"]
        self.measurements.see({name: name in self._modules and self._modules[name].well for name in wanted})
        if idle and not any(module.start or module.stopping for module in self._modules.values()):
            self.measurements.deployment_done()

    def _tell(self) -> None:
        states = self.states()
        for name, state in states.items():
            if self._told.get(name) != state:
                self._changed(state)
        self._told = states


def _to_be_stopped(name: str) -> str:
    return f"Module {name} is desired to be stopped"
