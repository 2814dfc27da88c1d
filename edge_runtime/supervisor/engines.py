"""Which engine runs which module: containers or processes, and what a run needs before its hub can listen."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edge_runtime.agent.engine import Identity, Instance, LogLine, Resources
from edge_runtime.agent.environment import Device, MetricsPorts
from edge_runtime.agent.process_engine import ProcessEngine
from edge_runtime.manifest import ModuleSpec
from edge_runtime.state_folder import StateFolder, write_private
from edge_runtime.supervisor.options import IOTHUB_HOSTNAME, RunOptions

if TYPE_CHECKING:
    from edge_runtime.agent.docker.engine import DockerEngine
    from edge_runtime.agent.docker.site import Site

_log = logging.getLogger(__name__)


class EngineUnusableError(Exception):
    """The engine that was asked for cannot be used; the message says why and what to do."""


class Place:
    """Where the device is: the address that its hub listens on, and its name there for modules."""

    def __init__(self, options: RunOptions, site: Site | None) -> None:
        self.site = site
        self.address = site.network.gateway if site else options.address
        self.gateway_hostname = site.owner.gateway_hostname if site else options.address

    async def close(self) -> None:
        """Take containers and network away."""
        if self.site is not None:
            await self.site.close()
            StateFolder(self.site.owner.state).docker.unlink(missing_ok=True)


async def open_place(options: RunOptions) -> Place:
    """Find the Docker engine and make the device's network, if that engine is asked for.

    What a killed run has left on a Docker engine is ended in any case. Raises EngineUnusableError.
    """
    folder = StateFolder(options.state)
    if options.engine != "docker":
        await _clear_left_site(folder)
        return Place(options, None)
    # Heavy to import: 0.1 s that a run of processes need not spend.
    from edge_runtime.agent.docker.connection import DockerUnreachableError  # noqa: PLC0415
    from edge_runtime.agent.docker.ownership import Owner  # noqa: PLC0415
    from edge_runtime.agent.docker.site import open_site  # noqa: PLC0415

    try:
        site = await open_site(Owner(options.device, options.state))
    except DockerUnreachableError as error:
        raise EngineUnusableError(str(error)) from error
    write_private(folder.docker, {"device": options.device, "network": site.network.name})
    return Place(options, site)


async def _clear_left_site(folder: StateFolder) -> None:
    try:
        device = str(json.loads(folder.docker.read_text())["device"])
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s cannot be read (%s); containers may be left", folder.docker, error)
        return
    from edge_runtime.agent.docker.connection import DockerError, DockerUnreachableError  # noqa: PLC0415
    from edge_runtime.agent.docker.ownership import Owner  # noqa: PLC0415
    from edge_runtime.agent.docker.site import clear_site  # noqa: PLC0415

    try:
        await clear_site(Owner(device, folder.path))
    except (DockerError, DockerUnreachableError) as error:
        _log.warning("containers of an earlier run may be left: %s", error)
    else:
        folder.docker.unlink(missing_ok=True)


class Engines:
    """Implements `Engine`: processes, and with the docker engine containers but for the modules of `--module`."""

    def __init__(
        self, processes: ProcessEngine, containers: DockerEngine | None, commands: Iterable[str]
    ) -> None:
        self.processes = processes
        self._containers = containers
        self._as_processes = frozenset(commands)

    @classmethod
    def make(cls, processes: ProcessEngine, place: Place, options: RunOptions) -> Engines:
        """The engines of one run."""
        if place.site is None:
            return cls(processes, None, ())
        from edge_runtime.agent.docker.engine import DockerEngine  # noqa: PLC0415

        device = Device(options.device, IOTHUB_HOSTNAME, place.gateway_hostname)
        return cls(processes, DockerEngine(place.site, device), options.commands)

    async def create(self, spec: ModuleSpec) -> None:
        await self._of(spec.name).create(spec)

    async def start(self, spec: ModuleSpec, identity: Identity) -> Instance:
        return await self._of(spec.name).start(spec, identity)

    async def remove(self, name: str) -> None:
        await self._of(name).remove(name)

    def log_lines(self, name: str, since: datetime | None) -> Iterator[LogLine]:
        return self._of(name).log_lines(name, since)

    def resources(self) -> Mapping[str, Resources]:
        contained = self._containers.resources() if self._containers else {}
        return {**self.processes.resources(), **contained}

    def configure(self, runtime: Mapping[str, Any]) -> None:
        """`$edgeAgent`'s `runtime` section has changed."""
        if self._containers is not None:
            self._containers.configure(runtime)

    def metrics(self, specs: Iterable[ModuleSpec], address: str, ports: MetricsPorts) -> dict[str, str]:
        """Where this machine finds the metrics of each module, `HOST:PORT`."""
        return {
            spec.name: self._containers.metrics(spec)
            if self._containers and spec.name not in self._as_processes
            else f"{address}:{ports[spec.name]}"
            for spec in specs
        }

    async def end_survivors(self) -> list[str]:
        """End the containers that a killed run has left; the names of those modules."""
        return await self._containers.end_survivors() if self._containers else []

    async def close(self) -> None:
        """Nothing starts any more, and what was begun has ended."""
        if self._containers is not None:
            await self._containers.close()

    def _of(self, name: str) -> ProcessEngine | DockerEngine:
        return self.processes if self._containers is None or name in self._as_processes else self._containers


def placed(options: RunOptions, place: Place) -> RunOptions:
    """The options with the address that the device has got."""
    return replace(options, address=place.address)
