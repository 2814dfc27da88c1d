"""The device's own bridge network: modules join it, and the hub listens on its gateway address alone."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import socket
from functools import partial
from typing import Any

from docker import APIClient
from docker.types import IPAMConfig, IPAMPool

from edge_runtime.agent.docker.connection import DockerError, DockerUnreachableError, ask
from edge_runtime.agent.docker.ownership import STATE_LABEL, Network, Owner

_log = logging.getLogger(__name__)


def ensure_network(api: APIClient, owner: Owner) -> Network:
    """Make the network, or take over the one of a run that was killed. Blocks. Raises DockerUnreachableError."""
    try:
        found = _find(api, owner) or _make(api, owner)
    except DockerError as error:
        raise DockerUnreachableError(f"the network {owner.name} cannot be made: {error}") from error
    network = Network(owner.name, *_addresses(found))
    _check_is_here(network)
    return network


def make_again(api: APIClient, owner: Owner, network: Network) -> bool:
    """Whether the network was gone, as `docker network prune` leaves it, and is here again. Blocks. Raises DockerError.

    With the same addresses: the hub listens on its gateway, and goes on once that is an address of this machine again.
    """
    if _find(api, owner) is not None:
        return False
    pool = IPAMPool(subnet=network.subnet, gateway=network.gateway)
    _make(api, owner, IPAMConfig(pool_configs=[pool]))
    _log.warning("the network %s was gone; it has been made again", network.name)
    return True


def remove_networks(api: APIClient, owner: Owner, *, but: str | None = None) -> None:
    """Remove the owner's, but for the one named; one that others' containers have joined stays. Blocks."""
    found: list[dict[str, Any]] = ask(lambda: api.networks(filters=owner.filters))
    for entry in found:
        if entry["Name"] == but:
            continue
        try:
            ask(partial(api.remove_network, entry["Id"]))
        except DockerError as error:
            if not error.missing:
                _log.warning("the network %s stays: %s", entry["Name"], error)


def _find(api: APIClient, owner: Owner) -> Any:
    try:
        found = ask(lambda: api.inspect_network(owner.name))
    except DockerError as error:
        if error.missing:
            return None
        raise
    if (found.get("Labels") or {}).get(STATE_LABEL) != str(owner.state):
        raise DockerError(
            f"a network of that name is somebody else's; remove it: docker network rm {owner.name}"
        )
    return found


def _make(api: APIClient, owner: Owner, addresses: IPAMConfig | None = None) -> Any:
    ask(
        lambda: api.create_network(
            owner.name,
            driver="bridge",
            options={"com.docker.network.bridge.name": owner.interface},
            labels=owner.labels(),
            ipam=addresses,
        )
    )
    return ask(lambda: api.inspect_network(owner.name))


def _addresses(document: Any) -> tuple[str, str]:
    """Gateway and subnet."""
    for entry in (document.get("IPAM") or {}).get("Config") or ():
        with contextlib.suppress(ValueError):
            gateway = str(ipaddress.IPv4Interface(entry.get("Gateway") or "").ip)
            return gateway, str(ipaddress.IPv4Network(entry.get("Subnet") or ""))
    raise DockerUnreachableError(f"the network {document.get('Name')} has no IPv4 gateway address")


def _check_is_here(network: Network) -> None:
    """An engine in a virtual machine, or elsewhere, has its bridges there: nothing here can listen on them."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((network.gateway, 0))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            raise DockerUnreachableError(
                f"--engine docker: {network.gateway}, the gateway of the network {network.name}, is no address of "
                "this machine, so the Docker engine runs elsewhere (Docker Desktop, rootless, DOCKER_HOST); "
                "use an engine of this machine itself"
            ) from error
