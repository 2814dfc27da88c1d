"""The engine that the agent uses: containers made from images, started, watched, removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from edge_runtime.agent.docker import readings
from edge_runtime.agent.docker.connection import Answer, DockerError, ask, call
from edge_runtime.agent.docker.container import Container
from edge_runtime.agent.docker.container_document import (
    WORKLOAD_FOLDER,
    Surroundings,
    container_document,
    logging_of,
)
from edge_runtime.agent.docker.events import Event, EventReader
from edge_runtime.agent.docker.images import Credentials, credentials_of, find_credentials, provide
from edge_runtime.agent.docker.network import make_again
from edge_runtime.agent.docker.ownership import STATE_LABEL
from edge_runtime.agent.docker.site import Site
from edge_runtime.agent.engine import EngineError, Identity, LogLine, Resources
from edge_runtime.agent.environment import Device, edge_variables
from edge_runtime.manifest import ModuleSpec

_log = logging.getLogger(__name__)
_METRICS_PORT = "9600"


class DockerEngine:
    """Implements `Engine`. Made in the event loop in which it is used; `close` comes last.

    A container is made at a module's first start and started again after each exit, as edgeAgent does, so that what
    a module wrote in it outlives its restarts; it is removed with its module, or when another spec takes its place.
    """

    def __init__(self, site: Site, device: Device) -> None:
        self._site = site
        self._api = site.api
        self._device = device
        self._surroundings = Surroundings(site.owner, site.network)
        self._credentials: tuple[Credentials, ...] = ()
        self._containers: dict[str, str] = {}
        self._running: dict[str, Container] = {}
        self._addresses: dict[str, str] = {}
        self._making_network = asyncio.Lock()
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._events = EventReader(site.api, site.owner, on_event=self._take, on_connected=self._look_at_all)

    def configure(self, runtime: Mapping[str, Any]) -> None:
        """`$edgeAgent`'s `runtime` section: who may pull, and the log driver of modules that name none."""
        self._credentials = credentials_of(runtime)
        self._surroundings = Surroundings(self._site.owner, self._site.network, logging_of(runtime))

    async def create(self, spec: ModuleSpec) -> None:
        await self._discard(spec.name)

    async def start(self, spec: ModuleSpec, identity: Identity) -> Container:
        identifier = self._containers.get(spec.name)
        if identifier is not None:
            try:
                return await self._start(spec, identifier)
            except DockerError as error:
                if not error.missing:
                    raise
        return await self._start(spec, await self._make(spec, identity))

    async def remove(self, name: str) -> None:
        await self._discard(name)

    def log_lines(self, name: str, since: datetime | None) -> Iterator[LogLine]:
        identifier = self._containers.get(name)
        return iter(()) if identifier is None else readings.log_lines(self._api, identifier, since)

    def resources(self) -> Mapping[str, Resources]:
        found = {}
        for name, identifier in list(self._containers.items()):
            if identifier in self._running:
                reading = readings.resources(self._api, identifier)
                if reading is not None:
                    found[name] = reading
        return found

    def metrics(self, spec: ModuleSpec) -> str:
        """`HOST:PORT` where this machine finds a module's metrics: the container's own address."""
        address = self._addresses.get(spec.name) or self._site.network.gateway
        return f"{address}:{spec.env.get('METRICS_PORT', _METRICS_PORT)}"

    async def close(self) -> None:
        """Nothing starts any more: what was under way has ended. `Site.close` removes what there is."""
        while self._unfinished:
            await asyncio.wait(self._unfinished)
        self._events.close()

    async def end_survivors(self) -> list[str]:
        """End and remove the containers that a killed run has left; their modules' names."""
        return await self._site.end_survivors()

    async def _make(self, spec: ModuleSpec, identity: Identity) -> str:
        credentials = find_credentials(self._credentials, spec.image)
        await call(lambda: provide(self._api, spec.image, spec.image_pull_policy, credentials))
        workload = Path(identity.workload_uri.removeprefix("unix://"))
        inside = Identity(identity.generation_id, f"unix://{WORKLOAD_FOLDER}/{workload.name}")
        variables = edge_variables(self._device, spec.name, inside)
        document = container_document(spec, variables, workload.parent, self._surroundings)
        async with self._making_network:
            await self._finish(lambda: make_again(self._api, self._site.owner, self._site.network))
        identifier = await self._finish(lambda: self._create(spec.name, document))
        self._containers[spec.name] = identifier
        return identifier

    def _create(self, module: str, document: dict[str, Any]) -> str:
        """Blocks. A container of ours that a start given up has left gives way."""
        name = self._site.owner.container(module)

        def make() -> str:
            made = self._api.create_container_from_config(document, name)  # type: ignore[no-untyped-call]
            return str(made["Id"])

        try:
            return ask(make)
        except DockerError as error:
            if not error.conflict:
                raise
        self._remove(name)
        return ask(make)

    async def _start(self, spec: ModuleSpec, identifier: str) -> Container:
        container = Container(self._api, identifier)
        try:
            await self._finish(lambda: self._api.start(identifier))
            # Only now, since an event that comes late is about its life before; an end until here is seen by looking.
            self._running[identifier] = container
            document = await container.look()
        except DockerError as error:
            self._running.pop(identifier, None)
            if error.missing:
                self._containers.pop(spec.name, None)
            raise
        except asyncio.CancelledError:
            # Given up while the engine was at it: what it has started is nobody's.
            self._containers.pop(spec.name, None)
            self._running.pop(identifier, None)
            self._hold(call(lambda: self._remove(identifier)))
            raise
        self._addresses[spec.name] = _address(document)
        return container

    async def _discard(self, module: str) -> None:
        identifier = self._containers.pop(module, None)
        self._addresses.pop(module, None)
        if identifier is not None:
            self._running.pop(identifier, None)
        name = self._site.owner.container(module)
        await self._finish(lambda: self._remove(name))

    def _remove(self, name: str) -> None:
        """Remove a container of ours, running or not, with its anonymous volumes. Blocks."""
        try:
            found = ask(lambda: self._api.inspect_container(name))
            if (found["Config"].get("Labels") or {}).get(STATE_LABEL) != str(self._site.owner.state):
                raise EngineError(
                    f"a container named {name} is somebody else's; remove it: docker rm --force {name}"
                )
            ask(lambda: self._api.remove_container(found["Id"], v=True, force=True))
        except DockerError as error:
            if not (error.missing or error.conflict):
                raise

    async def _finish(self, function: Callable[[], Answer]) -> Answer:
        """A call that changes something: `close` waits for it even when its caller has been cancelled."""
        return await asyncio.shield(self._hold(call(function)))

    def _hold(self, work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._let_go)
        return task

    def _let_go(self, task: asyncio.Task[Any]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("a call to the Docker engine failed: %s", error)

    def _take(self, event: Event) -> None:
        container = self._running.get(event.get("Actor", {}).get("ID", ""))
        if container is not None:
            container.take(event)

    def _look_at_all(self) -> None:
        for container in self._running.values():
            self._hold(container.look())


def _address(document: Mapping[str, Any]) -> str:
    """A container's own address, from what the engine says of it; empty when it shares another's."""
    networks = document.get("NetworkSettings", {}).get("Networks") or {}
    return next((entry["IPAddress"] for entry in networks.values() if entry.get("IPAddress")), "")
