"""A Docker engine with a device's network on it: what a run needs before its hub can listen anywhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from docker import APIClient

from edge_runtime.agent.docker.connection import DockerError, ask, call, connect
from edge_runtime.agent.docker.network import ensure_network, remove_networks
from edge_runtime.agent.docker.ownership import MODULE_LABEL, Network, Owner

_log = logging.getLogger(__name__)
_GRACE_S = 10


class Site:
    """Where a runtime's containers are; `open_site` makes one, `close` takes all of it away."""

    def __init__(self, api: APIClient, owner: Owner, network: Network) -> None:
        self.api = api
        self.owner = owner
        self.network = network

    async def end_survivors(self) -> list[str]:
        """End and remove the containers that a run that was killed has left; their modules' names."""

        def end() -> list[str]:
            ended = remove_containers(self.api, self.owner, grace_s=_GRACE_S)
            remove_networks(self.api, self.owner, but=self.network.name)
            return ended

        return await call(end)

    async def close(self) -> None:
        """Remove every container and the network; images and named volumes stay."""
        try:
            await call(lambda: remove_containers(self.api, self.owner, grace_s=0))
            await call(lambda: remove_networks(self.api, self.owner))
        except DockerError as error:
            _log.warning("containers of %s may be left: %s", self.owner.name, error)
        self.api.close()


async def open_site(owner: Owner) -> Site:
    """Raises DockerUnreachableError."""

    def make() -> Site:
        api = connect()
        return Site(api, owner, ensure_network(api, owner))

    return await call(make)


async def clear_site(owner: Owner) -> list[str]:
    """Take away what a killed run has left, for one without containers. Raises DockerUnreachableError, DockerError."""

    def clear() -> list[str]:
        api = connect()
        ended = remove_containers(api, owner, grace_s=_GRACE_S)
        remove_networks(api, owner)
        api.close()
        return ended

    return await call(clear)


def remove_containers(api: APIClient, owner: Owner, *, grace_s: int) -> list[str]:
    """All that bear the owner's label, with their anonymous volumes; the names of modules that ran. Blocks."""
    found: list[dict[str, Any]] = ask(lambda: api.containers(all=True, filters=owner.filters))
    running = [entry for entry in found if entry["State"] == "running"]
    for entry in running if grace_s else ():
        _unless_missing(partial(api.stop, entry["Id"], timeout=grace_s))
    for entry in found:
        _unless_missing(partial(api.remove_container, entry["Id"], v=True, force=True))
    return sorted(entry["Labels"].get(MODULE_LABEL, entry["Id"]) for entry in running)


def _unless_missing(function: Callable[[], None]) -> None:
    try:
        ask(function)
    except DockerError as error:
        if not (error.missing or error.conflict):
            raise
