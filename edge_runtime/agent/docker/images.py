"""Images: their full names, who may pull them, and pulling."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from docker import APIClient

from edge_runtime.agent.docker.connection import DockerError, ask
from edge_runtime.agent.engine import EngineError

_log = logging.getLogger(__name__)
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_NAMES = {"", _DOCKER_HUB, "index.docker.io", "registry-1.docker.io"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """One of `runtime.settings.registryCredentials`."""

    address: str
    username: str
    password: str = field(repr=False)


def credentials_of(runtime: Mapping[str, Any]) -> tuple[Credentials, ...]:
    """Those of `$edgeAgent`'s `runtime` section; what is no set of credentials is left out."""
    settings = runtime.get("settings")
    named = settings.get("registryCredentials") if isinstance(settings, dict) else None
    entries = named.values() if isinstance(named, dict) else ()
    return tuple(
        Credentials(str(entry["address"]), str(entry["username"]), str(entry["password"]))
        for entry in entries
        if isinstance(entry, dict) and {"address", "username", "password"} <= entry.keys()
    )


def registry_of(image: str) -> str:
    """Host and port of an image's registry: a first part with a dot, a colon, or `localhost`; else Docker Hub."""
    first, slash, _ = image.partition("/")
    return _host(first) if slash and ("." in first or ":" in first or first == "localhost") else _DOCKER_HUB


def find_credentials(credentials: Iterable[Credentials], image: str) -> Credentials | None:
    """Those for the image's registry."""
    registry = registry_of(image)
    return next((entry for entry in credentials if _host(entry.address) == registry), None)


def provide(api: APIClient, image: str, policy: str, credentials: Credentials | None) -> None:
    """Have the image here: pulled when the policy is `on-create`. Blocks, perhaps for long. Raises EngineError.

    Where it cannot be pulled but is here, that one is used, with a warning: images that were only built on this
    machine are in no registry, and a device starts without a network.
    """
    refusal: DockerError | None = None
    if policy != "never":
        try:
            _pull(api, image, credentials)
        except DockerError as error:
            refusal = error
        else:
            return
    if _is_here(api, image):
        if refusal is not None:
            _log.warning("the image %s of this machine is used: it cannot be pulled: %s", image, refusal)
        return
    if refusal is not None:
        raise EngineError(f"the image {image} cannot be pulled: {refusal}") from refusal
    raise EngineError(
        f"the image {image} is not on this machine, and imagePullPolicy is never; build it, or docker pull {image}"
    )


def _pull(api: APIClient, image: str, credentials: Credentials | None) -> None:
    # None means that the SDK looks into the user's own `docker login`.
    login = {"username": credentials.username, "password": credentials.password} if credentials else None

    def pull() -> None:
        for step in api.pull(image, stream=True, decode=True, auth_config=login):
            if "error" in step:
                raise DockerError(str(step["error"]))

    ask(pull)


def _is_here(api: APIClient, image: str) -> bool:
    try:
        ask(lambda: api.inspect_image(image))  # type: ignore[no-untyped-call]  # as the stubs have it
    except DockerError as error:
        if error.missing:
            return False
        raise
    return True


def _host(address: str) -> str:
    """Of an address as people write it: `https://index.docker.io/v1/` is Docker Hub."""
    host = address.strip().lower().rpartition("://")[2].partition("/")[0]
    return _DOCKER_HUB if host in _DOCKER_HUB_NAMES else host
