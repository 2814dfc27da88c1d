"""Names and passwords of registries: `.env`'s, as iotedgedev takes them, else those of `docker login`."""

from __future__ import annotations

from collections.abc import Mapping

from docker.auth import load_config
from docker.errors import DockerException

from release.images.build import FindLogin
from release.images.registry import Login

_SERVER = "CONTAINER_REGISTRY_SERVER"


def logins(variables: Mapping[str, str]) -> FindLogin:
    """`CONTAINER_REGISTRY_SERVER[_X]` names a server, `..._USERNAME[_X]` and `..._PASSWORD[_X]` go with it."""
    known = {
        server.lower(): Login(variables[f"CONTAINER_REGISTRY_USERNAME{suffix}"], password)
        for name, server in variables.items()
        if name.startswith(_SERVER)
        for suffix in [name.removeprefix(_SERVER)]
        if server and variables.get(f"CONTAINER_REGISTRY_USERNAME{suffix}")
        if (password := variables.get(f"CONTAINER_REGISTRY_PASSWORD{suffix}"))
    }

    def find(server: str) -> Login | None:
        return known.get(server.lower()) or _logged_in(server)

    return find


def _logged_in(server: str) -> Login | None:
    try:
        found = load_config().resolve_authconfig(registry=server)
    except DockerException:  # a credential helper that is not installed
        return None
    if not found or not found.get("username"):
        return None
    return Login(found["username"], found.get("password") or "")
