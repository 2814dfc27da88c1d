"""The Docker engine that builds, is read and is rehearsed on: one way to reach it, one error when nobody answers."""

from __future__ import annotations

import os
import socket

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

_DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_TIMEOUT_S = 900
"""A step that prints nothing for so long is a hang: a package's unpacking under QEMU takes minutes."""


class EngineError(Exception):
    """What the engine could not do."""


class EngineUnreachableError(EngineError):
    """No engine answers."""


def connect() -> docker.DockerClient:
    """The engine that DOCKER_HOST names, else the one of this machine. Raises EngineUnreachableError."""
    place = os.environ.get("DOCKER_HOST") or _DEFAULT_SOCKET
    try:
        _knock(place)
        return docker.from_env(version="auto", timeout=_TIMEOUT_S)
    except (DockerException, RequestException, OSError) as error:
        raise EngineUnreachableError(
            f"no Docker engine answers at {place} ({error}); start it (systemctl start docker), give this user its "
            "rights (group docker) or name another one in DOCKER_HOST"
        ) from error


def _knock(place: str) -> None:
    """Raises OSError where nobody listens: the SDK would leave a socket open then."""
    scheme, _, path = place.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(path)
