"""A registry, asked over its API (distribution, v2) what it has under a tag.

RegistryError   it does not answer, or not as a registry; `str()` names it and the reason
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests

CONTENT_LABEL = "edge-vision.content-sha256"
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    # Lists are no images of ours; a registry that is not asked for them hides the tag.
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
DOCKER_HUB = "registry-1.docker.io"
_HUB_NAMES = ("docker.io", "index.docker.io")
_CLIENT = "edge-vision"
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT_S = 30.0


class RegistryError(Exception):
    """The registry could not be asked."""


@dataclass(frozen=True, slots=True)
class Login:
    """For one registry: name and password, or the token that `docker login` keeps in their place."""

    username: str
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def auth_config(self) -> dict[str, str]:
        """As the engine wants it."""
        if self.identity_token:
            return {"identitytoken": self.identity_token}
        return {"username": self.username, "password": self.password}


FindLogin = Callable[[str], Login | None]
"""Name and password for a registry's server, when there are any."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a tag names. `content_sha256` is None for what `scripts/build` did not make: also a list of images.

    `size_bytes`: the configuration and the compressed layers.
    """

    digest: str
    image_id: str
    content_sha256: str | None
    size_bytes: int


def server_of(repository: str) -> tuple[str, str]:
    """Host with port, and the path there; Docker Hub's when the name has no host."""
    first, slash, rest = repository.partition("/")
    if slash and first in _HUB_NAMES:
        repository = rest
    elif slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DOCKER_HUB, repository if "/" in repository else f"library/{repository}"


def is_loopback(server: str) -> bool:
    """Whether engines speak HTTP with it without being told to."""
    host = server.rpartition(":")[0] or server
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Registry:
    """One registry. `plain`: it speaks HTTP, as the engine's `insecure-registries` have it."""

    def __init__(self, server: str, login: Login | None = None, *, plain: bool = False) -> None:
        self.server = server
        self._base = f"{'http' if plain else 'https'}://{server}/v2"
        self._login = login
        self._tokens: dict[str, str] = {}

    def published(self, path: str, tag: str) -> Published | None:
        """What `tag` of the repository `path` names; None when there is no such tag. Raises RegistryError."""
        accept = ", ".join(_MANIFESTS)
        answer = self._get(path, f"manifests/{tag}", {"Accept": accept})
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        manifest = self._json(answer, f"{path}:{tag}")
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if "config" not in manifest:
            return Published(digest, image_id=digest, content_sha256=None, size_bytes=len(answer.content))
        config = manifest["config"]
        labels = self._json(self._get(path, f"blobs/{config['digest']}", {}), f"{path}:{tag}").get("config")
        return Published(
            digest=digest,
            image_id=config["digest"],
            content_sha256=((labels or {}).get("Labels") or {}).get(CONTENT_LABEL),
            size_bytes=config["size"] + sum(layer["size"] for layer in manifest["layers"]),
        )

    def _get(self, path: str, what: str, headers: Mapping[str, str]) -> requests.Response:
        url = f"{self._base}/{path}/{what}"
        try:
            answer = requests.get(url, headers={**headers, **self._authorization(path)}, timeout=_TIMEOUT_S)
            if answer.status_code == HTTPStatus.UNAUTHORIZED and self._log_in(path, answer):
                answer = requests.get(
                    url, headers={**headers, **self._authorization(path)}, timeout=_TIMEOUT_S
                )
        except requests.RequestException as error:
            raise RegistryError(f"the registry {self.server} does not answer: {_reason(error)}") from error
        return answer

    def _authorization(self, path: str) -> dict[str, str]:
        return {"Authorization": self._tokens[path]} if path in self._tokens else {}

    def _log_in(self, path: str, refusal: requests.Response) -> bool:
        """Get what the registry asks for, a token or name and password; False when it asks for neither."""
        kind, _, parameters = refusal.headers.get("WWW-Authenticate", "").partition(" ")
        given = dict(_PARAMETER.findall(parameters))
        login = self._login
        basic = (login.username, login.password) if login and not login.identity_token else None
        if kind.lower() == "basic" and basic:
            request = requests.Request("GET", self._base, auth=basic).prepare()
            self._tokens[path] = request.headers["Authorization"]
        elif kind.lower() == "bearer" and "realm" in given:
            query = {"service": given.get("service", ""), "scope": f"repository:{path}:pull"}
            if login and login.identity_token:
                grant = {"grant_type": "refresh_token", "refresh_token": login.identity_token}
                form = {**query, **grant, "client_id": _CLIENT}
                answer = requests.post(given["realm"], data=form, timeout=_TIMEOUT_S)
            else:
                answer = requests.get(given["realm"], params=query, auth=basic, timeout=_TIMEOUT_S)
            document = self._json(answer, f"a token for {path}")
            self._tokens[path] = f"Bearer {document.get('token') or document.get('access_token')}"
        else:
            return False
        return True

    def _json(self, answer: requests.Response, what: str) -> dict[str, Any]:
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise RegistryError(
                f"the registry {self.server} refuses {what}: log in (docker login {self.server}), or give "
                "CONTAINER_REGISTRY_USERNAME and CONTAINER_REGISTRY_PASSWORD"
            )
        try:
            answer.raise_for_status()
            document: dict[str, Any] = answer.json()
        except requests.RequestException as error:
            raise RegistryError(
                f"the registry {self.server} gives no {what}: {answer.status_code} {answer.reason}"
            ) from error
        return document


def _reason(error: requests.RequestException) -> str:
    """The innermost cause: requests wraps it thrice."""
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
