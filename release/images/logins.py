"""Logins of registries: those of `docker login`, else `.env`'s.

`docker login` is asked first, since `.env`'s are what devices get with the deployment: they may be able to pull alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from docker.auth import load_config
from docker.errors import DockerException

from release.images.registry import DOCKER_HUB, FindLogin, Login, server_of

_SERVER = "CONTAINER_REGISTRY_SERVER"


def logins(variables: Mapping[str, str]) -> FindLogin:
    """`CONTAINER_REGISTRY_SERVER[_X]` names a server, `..._USERNAME[_X]` and `..._PASSWORD[_X]` go with it."""
    known = {
        _host(server): Login(variables[f"CONTAINER_REGISTRY_USERNAME{suffix}"], password)
        for name, server in variables.items()
        if name.startswith(_SERVER)
        for suffix in [name.removeprefix(_SERVER)]
        if server and variables.get(f"CONTAINER_REGISTRY_USERNAME{suffix}")
        if (password := variables.get(f"CONTAINER_REGISTRY_PASSWORD{suffix}"))
    }

    def find(server: str) -> Login | None:
        return _logged_in(server) or known.get(server.lower())

    return find


def _host(server: str) -> str:
    """`CONTAINER_REGISTRY_SERVER` may go on with a path, or be a name on Docker Hub."""
    return server_of(f"{server}/image")[0].lower()


def _logged_in(server: str) -> Login | None:
    try:
        found = load_config().resolve_authconfig(registry=None if server == DOCKER_HUB else server)
    except DockerException:  # a credential helper that is not installed
        return None
    # A credential helper's answer is written otherwise than the file's.
    given = {name.lower(): value for name, value in (found or {}).items()}
    if given.get("identitytoken"):
        return Login("", "", given["identitytoken"])
    if not given.get("username"):
        return None
    return Login(given["username"], given.get("password") or "")
