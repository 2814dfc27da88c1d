"""One device: hub child, agent and local upstream, put together, started and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.agent import kernel, logs
from edge_runtime.agent.agent import Agent
from edge_runtime.agent.engine import Identity
from edge_runtime.agent.environment import Device, MetricsPorts
from edge_runtime.agent.module import ModuleState
from edge_runtime.agent.process_engine import ProcessEngine
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.agent.reported import DesiredStatus
from edge_runtime.early_hub import EarlyHub, hub_command, hub_environment
from edge_runtime.manifest import Manifest, ModuleSpec
from edge_runtime.state_folder import (
    StateFolder,
    StateFolderError,
    remove_left_sockets,
    remove_sockets,
    socket_folder,
    write_private,
)
from edge_runtime.supervisor.announce import Announcer
from edge_runtime.supervisor.by_hand import ByHand
from edge_runtime.supervisor.control_client import ControlClient, ControlError, HubUnreachableError
from edge_runtime.supervisor.deployment import TWIN_MEND, Deployment, InvalidDesiredError
from edge_runtime.supervisor.engines import Engines, Place
from edge_runtime.supervisor.hub_child import HubChild, HubFailedError, HubProgram
from edge_runtime.supervisor.hub_env import hub_env
from edge_runtime.supervisor.hub_listeners import HubListeners
from edge_runtime.supervisor.options import IOTHUB_HOSTNAME, RunOptions
from edge_runtime.supervisor.page_listener import PageListener
from edge_runtime.supervisor.reporter import Reporter
from edge_runtime.supervisor.system_modules import SystemModules
from edge_runtime.supervisor.takeover import end_survivors, sweep

if TYPE_CHECKING:
    from aiohttp.web import AppRunner

    from edge_runtime.iothub.arrivals import Arrivals
    from edge_runtime.supervisor.agent_listener import AgentListener
    from edge_runtime.supervisor.metrics_listener import MetricsListener
    from edge_runtime.supervisor.service_listener import ServiceListener

_log = logging.getLogger(__name__)


class Runtime:
    """`start`, then `run` until cancelled, then `end`, which undoes whatever the other two got to."""

    def __init__(
        self,
        options: RunOptions,
        manifest: Manifest,
        announcer: Announcer,
        place: Place,
        other_hub: Sequence[str] | None = None,
        early: EarlyHub | None = None,
    ) -> None:
        self._options = options
        self._place = place
        self._announcer = announcer
        self._folder = StateFolder(options.state)
        remove_left_sockets(self._folder)
        self._sockets = socket_folder(self._folder, [spec.name for spec in manifest.modules])
        self._registry = ProcessRegistry(self._folder.processes, supervisor=kernel.identify(os.getpid()))
        self._ports = MetricsPorts()
        self._processes = ProcessEngine(
            state=self._folder,
            device=Device(options.device, IOTHUB_HOSTNAME, options.address),
            find_source=manifest.find_source,
            commands=options.commands,
            registry=self._registry,
            ports=self._ports,
            say=lambda module, text: announcer.say("engine", f"{module}: {text}", module=module),
        )
        self._by_hand = ByHand(self._processes, self._folder, announcer)
        self._engine = Engines.make(self._processes, place, options)
        self._agent = Agent(self._engine, self._module_changed)
        self._client = ControlClient(self._sockets / "control.sock")
        self._measurements = self._agent.measurements
        self._system = SystemModules(manifest.system_modules)
        self._deployment = Deployment(
            self._client,
            manifest.modules_content,
            self._apply,
            self._engine.configure,
            self._measurements.synced,
            self._system.desire,
        )
        self._reporter = Reporter(self._client, self._reported)
        self._specs: dict[str, ModuleSpec] = {}
        self._desired = DesiredStatus(0).stopped()
        self._listeners = HubListeners()
        self._observer: dict[str, Any] = {"port": 0, "token": secrets.token_urlsafe(24)}
        self._hub_env = hub_env(manifest)
        for warning in self._hub_env.warnings:
            announcer.trouble(f"warning: {warning}")
        self._hub = HubChild(
            self._hub_program(other_hub, self._hub_env.variables),
            self._registry,
            early=early,
            on_ready=self._hub_ready,
            on_exit=self._hub_exited,
        )
        self._arrivals: Arrivals | None = None
        self._service: ServiceListener | None = None
        self._server: AppRunner | None = None
        self._methods: AgentListener | None = None
        self._metrics: MetricsListener | None = None
        self._page = PageListener(options, self._folder, announcer)
        self._up = False

    async def start(self) -> None:
        """End what an earlier run left, start the hub, serve the upstream while it comes up."""
        left, early = ProcessRegistry.load(self._folder.processes), self._hub.early_pid
        survivors = await end_survivors(left, self._folder.path, but=early)
        ended = [*await self._engine.end_survivors(), *survivors]
        if ended:
            self._announcer.say("takeover", f"ended what an earlier run left: {', '.join(ended)}")
        self._registry.save()
        write_private(self._folder.hub_configuration, self._hub_configuration())
        self._hub.start()
        # Heavy, and the hub starts at the same time on another processor: so not at the top.
        from edge_runtime.iothub.arrivals import Arrivals  # noqa: PLC0415
        from edge_runtime.iothub.server import serve  # noqa: PLC0415
        from edge_runtime.iothub.store import StoreUnusableError  # noqa: PLC0415
        from edge_runtime.supervisor.agent_listener import AgentListener  # noqa: PLC0415
        from edge_runtime.supervisor.metrics_listener import MetricsListener  # noqa: PLC0415
        from edge_runtime.supervisor.service_listener import ServiceListener  # noqa: PLC0415

        self._arrivals = Arrivals(
            self._folder.upstream_store, self._folder.upstream_lines, self._options.upstream_limit_bytes
        )
        try:
            await self._arrivals.open()
            self._service = ServiceListener(
                self._options, self._folder, self._client, self._deployment.deploy
            )
        except StoreUnusableError as error:
            raise StateFolderError(str(error)) from error
        self._server = await serve(self._arrivals, self._service.devicebound, self._sockets / "iothub.sock")
        self._methods = AgentListener(
            self._options.device,
            self._folder,
            agent=self._agent,
            engine=self._engine,
            restart_hub=self._hub.kill,
            reported=self._reported,
        )
        await self._methods.start(self._sockets / "$edgeAgent.sock")
        self._metrics = MetricsListener(
            self._options.device,
            self._place.gateway_hostname,
            self._folder,
            engine=self._engine,
            registry=self._registry,
            measurements=self._measurements,
        )
        await self._metrics.start(self._options.address)
        await self._page.start()
        self._measurements.see_one("edgeAgent", running=True)

    async def run(self) -> None:
        """Keep everything running until cancelled. Raises HubFailedError."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hub.run(), name="hub")
                tasks.create_task(self._agent.run(), name="agent")
                tasks.create_task(self._deployment.watch(), name="deployment")
                tasks.create_task(self._reporter.run(), name="reporter")
                tasks.create_task(self._rotate_logs(), name="logs")
        except ExceptionGroup as group:
            failed, others = group.split(HubFailedError)
            if failed is None or others is not None:
                raise
            raise failed.exceptions[0] from None

    async def end(self) -> None:
        """Modules first, so that what they still send is kept; then the hub; then every trace."""
        await self._page.stop()
        if self._service is not None:
            await self._service.stop()
        if self._methods is not None:
            await self._methods.stop()
        if self._metrics is not None:
            await self._metrics.stop()
        await self._agent.stop()
        self._desired = self._desired.stopped()
        await self._engine.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._reporter.flush()
        await self._hub.stop()
        await sweep(self._folder.path)
        if self._server is not None:
            await self._server.cleanup()
        if self._arrivals is not None:
            await self._arrivals.close()
        self._folder.endpoints.unlink(missing_ok=True)
        await self._by_hand.close()
        remove_sockets(self._sockets)
        self._registry.remove()

    def kill(self) -> None:
        """Force hub and modules to end at once; `end` is under way and finds them gone."""
        self._agent.kill()
        self._hub.kill()

    def _hub_program(self, command: Sequence[str] | None, variables: Mapping[str, str]) -> HubProgram:
        return HubProgram(
            command=command or hub_command(self._folder.hub_configuration),
            environment={**hub_environment(self._folder.path), **variables},
            folder=self._folder.path,
            log=self._folder.log("edgeHub"),
        )

    def _hub_configuration(self) -> dict[str, Any]:
        return {
            "deviceId": self._options.device,
            "iothubHostname": IOTHUB_HOSTNAME,
            "gatewayHostname": self._place.gateway_hostname,
            "address": self._options.address,
            "state": str(self._folder.path),
            "sockets": str(self._sockets),
            "observer": self._observer,
            "storeLimitBytes": self._options.store_limit_bytes,
            "settings": self._hub_env.settings,
            "metrics": {"port": self._listeners.metrics_port or 0},
        }

    async def _hub_ready(self, ready: dict[str, Any]) -> None:
        try:
            await self._deployment.configure()
        except InvalidDesiredError as error:
            self._announcer.trouble(f"{error}; {TWIN_MEND}")
        except ControlError as error:
            if not self._up:
                raise HubFailedError(f"the hub refused the manifest: {error}", 2) from error
            self._announcer.trouble(f"the hub refused its configuration: {error}; {TWIN_MEND}")
        except HubUnreachableError as error:
            _log.warning("%s; it is started again", error)
            self._hub.kill()
            return
        if self._service is not None:
            await self._service.start()
        self._system.hub_started()
        self._measurements.see_one("edgeHub", running=True)
        self._reporter.changed()
        self._announcer.say("hub", f"edgeHub: running (pid {self._hub.pid}, {self._options.address}:8883)")
        own = self._metrics.warnings if self._metrics is not None else ()
        self._keep_listeners(HubListeners.told(ready, also=(*own, *self._page.warnings)))

    def _keep_listeners(self, listeners: HubListeners) -> None:
        """A hub that is started again listens where its readers look for it."""
        for warning in listeners.warnings:
            if warning not in self._listeners.warnings:
                self._announcer.say("warning", f"warning: {warning}")
        self._listeners = listeners
        if listeners.observer_port is not None:
            self._observer["port"] = listeners.observer_port
            _write_again(self._folder.hub_configuration, self._hub_configuration())
        self._up = True
        self._write_endpoints()

    def _hub_exited(self, code: int) -> None:
        self._system.hub_exited(code)
        self._measurements.see_one("edgeHub", running=False)
        self._reporter.changed()
        self._announcer.say("hub", f"edgeHub: exit code {code}; started again, the modules go on")

    def _apply(
        self,
        specs: tuple[ModuleSpec, ...] | None,
        identities: Mapping[str, Identity],
        desired: DesiredStatus,
    ) -> None:
        self._desired = desired
        self._reporter.changed()
        if specs is None:
            return
        self._ports.assign(spec.name for spec in specs)
        self._specs = {spec.name: spec for spec in specs}
        self._agent.desire([spec for spec in specs if spec.name not in self._options.without], identities)
        for spec in specs:
            if spec.name in self._options.without and spec.name in identities:
                self._by_hand.offer(spec, identities[spec.name])
        if self._up:
            self._write_endpoints()

    def _write_endpoints(self) -> None:
        self._ports.assign(self._specs)
        endpoints = {
            "device": self._options.device,
            "address": self._options.address,
            "iothub": {
                "connectionString": self._service and self._service.connection_string,
                "caFile": str(self._folder.certificates / "ca.pem"),
            },
            "https": self._listeners.https,
            "observer": {"url": self._listeners.observer, "token": self._observer["token"]},
            "control": str(self._client.path),
            "metrics": {
                **({} if self._listeners.metrics is None else {"edgeHub": self._listeners.metrics}),
                **({} if self._metrics is None else {"edgeAgent": self._metrics.address}),
                **self._engine.metrics(self._specs.values(), self._options.address, self._ports),
            },
            "page": self._page.url,
            "warnings": self._listeners.warnings,
        }
        _write_again(self._folder.endpoints, endpoints)
        self._page.follow(endpoints)

    def _module_changed(self, state: ModuleState) -> None:
        self._announcer.module(state)
        if self._up and self._place.site is not None:
            # A container has got its address as it started.
            self._write_endpoints()
        _log.info("%s: %s (%s)", state.name, state.status, state.description)
        self._reporter.changed()

    def _reported(self) -> dict[str, Any]:
        return self._system.document(
            self._specs, self._agent.states(), self._desired.after(self._agent.problems())
        )

    async def _rotate_logs(self) -> None:
        while True:
            await asyncio.sleep(logs.CHECK_S)
            await asyncio.to_thread(logs.rotate_folder, self._folder.logs)


def _write_again(path: Path, document: dict[str, Any]) -> None:
    try:
        write_private(path, document)
    except OSError as error:
        # The device must not end with the disk's space.
        _log.error("%s cannot be written (%s); it stays as it was until the next change", path, error)
