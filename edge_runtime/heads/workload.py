"""The workload API: what a module asks of the edge daemon on its own unix socket (spec A.4).

Every module has a socket of its own and is served there alone, in place of edgelet's look at the peer's process.
Errors are `{"message": ...}`.
"""

from __future__ import annotations

import asyncio
import binascii
import datetime as dt
import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge_runtime.http_log import HttpLog
from edge_runtime.hub import sas
from edge_runtime.hub.certificates import (
    CertificateError,
    Certificates,
    IssuedCertificate,
    issue_identity_certificate,
    issue_server_certificate,
)

API_VERSIONS = frozenset(
    {"2018-06-28", "2019-01-30", "2019-10-22", "2019-11-05", "2020-07-07", "2021-12-07", "2022-08-03"}
)
# What the kernel's sockaddr_un holds, without the closing NUL.
MAX_SOCKET_PATH_BYTES = 107
# Goes in front of the plain text, so that the cipher never gets an empty one and a later format can be told apart.
_CIPHERTEXT_VERSION = b"\x01"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WorkloadApi:
    """One module's view of the API.

    Args:
        module: the module's id.
        identity_uri: what its identity certificate states, `URI:azureiot://HUB/devices/DEVICE/modules/MODULE`.
        key: gives the module's primary key, decoded; a caller of the service may change it.
        certificates: the local CA.
        modules: gives each module's name and run-time status, for `GET /modules`.
    """

    def __init__(
        self,
        *,
        module: str,
        identity_uri: str,
        key: Callable[[], bytes],
        certificates: Certificates,
        modules: Callable[[], Mapping[str, str]],
    ) -> None:
        self.module = module
        self._identity_uri = identity_uri
        self._key = key
        self._certificates = certificates
        self._modules = modules

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_errors_as_json, _check_version])
        module = "/modules/{module}"
        generation = module + "/genid/{generation}"
        app.add_routes(
            [
                web.get("/modules", self._list),
                web.get("/modules/", self._list),
                web.get("/trust-bundle", self._trust_bundle),
                web.get("/manifest-trust-bundle", self._manifest_trust_bundle),
                web.post(generation + "/sign", self._own(self._sign)),
                web.post(generation + "/encrypt", self._own(self._encrypt)),
                web.post(generation + "/decrypt", self._own(self._decrypt)),
                web.post(generation + "/certificate/server", self._own(self._server_certificate)),
                web.post(module + "/certificate/identity", self._own(self._identity_certificate)),
            ]
        )
        return app

    def _own(self, handler: Callable[[dict[str, Any]], Awaitable[web.Response]]) -> Handler:
        """Serve only the module whose socket this is; a stale generation id is no reason to refuse."""

        async def checked(request: web.Request) -> web.Response:
            if request.match_info["module"].casefold() != self.module.casefold():
                raise web.HTTPForbidden(reason="forbidden")
            return await handler(await _json_object(request))

        return checked

    async def _list(self, _request: web.Request) -> web.Response:
        modules = [
            {
                "name": name,
                "id": name,
                "type": "docker",
                "config": {"settings": {}, "env": []},
                "status": {"runtimeStatus": {"status": status}},
            }
            for name, status in self._modules().items()
        ]
        return web.json_response({"modules": modules})

    async def _trust_bundle(self, _request: web.Request) -> web.Response:
        try:
            return web.json_response({"certificate": self._certificates.trust_bundle})
        except OSError as error:
            raise web.HTTPNotFound(reason="there is no trust bundle") from error

    async def _manifest_trust_bundle(self, _request: web.Request) -> web.Response:
        return web.json_response({"certificate": ""})

    async def _sign(self, body: dict[str, Any]) -> web.Response:
        digest = sas.digest(self._key(), _base64(body, "data"))
        return web.json_response({"digest": b64encode(digest).decode()})

    async def _encrypt(self, body: dict[str, Any]) -> web.Response:
        plain = _CIPHERTEXT_VERSION + _base64(body, "plaintext")
        cipher = self._cipher().encrypt(plain, self._bound_to(body))
        return web.json_response({"ciphertext": b64encode(cipher).decode()})

    async def _decrypt(self, body: dict[str, Any]) -> web.Response:
        try:
            plain = self._cipher().decrypt(_base64(body, "ciphertext"), self._bound_to(body))
        except (InvalidTag, ValueError) as error:
            raise web.HTTPBadRequest(reason="ciphertext: not made here with this vector") from error
        return web.json_response({"plaintext": b64encode(plain[len(_CIPHERTEXT_VERSION) :]).decode()})

    def _cipher(self) -> AESSIV:
        # Deterministic encryption: a module that uses an initialization vector twice loses nothing but that.
        derived = HKDF(SHA256(), 64, salt=None, info=b"workload API encryption").derive(self._key())
        return AESSIV(derived)

    def _bound_to(self, body: dict[str, Any]) -> list[bytes]:
        return [self.module.encode(), _base64(body, "initializationVector")]

    async def _server_certificate(self, body: dict[str, Any]) -> web.Response:
        common_name = body.get("commonName")
        if not isinstance(common_name, str):
            raise web.HTTPBadRequest(reason="commonName: a host name or an IP address expected")
        return await _issued(
            lambda: issue_server_certificate(
                self._certificates,
                common_name=common_name,
                module=self.module,
                expiration=_expiration(body, required=True),
            )
        )

    async def _identity_certificate(self, body: dict[str, Any]) -> web.Response:
        return await _issued(
            lambda: issue_identity_certificate(
                self._certificates,
                identity_uri=self._identity_uri,
                module=self.module,
                expiration=_expiration(body, required=False),
            )
        )


class WorkloadSocket:
    """A listening socket of one module."""

    def __init__(self, path: Path, runner: web.AppRunner) -> None:
        self.path = path
        self._runner = runner
        self._inode = path.stat().st_ino

    @property
    def uri(self) -> str:
        """The value of IOTEDGE_WORKLOADURI."""
        return f"unix://{self.path}"

    async def close(self) -> None:
        """Stop, and remove the socket's file unless another process has put its own there."""
        await self._runner.cleanup()
        if self.path.exists() and self.path.stat().st_ino == self._inode:
            self.path.unlink()


async def serve_workload(api: WorkloadApi, path: Path) -> WorkloadSocket:
    """Listen on the unix socket `path`, which every user may connect to, as edgelet's (mode 0666).

    A socket file that an earlier run left is replaced. Raises ValueError for a path that is too long for a
    socket, FileExistsError for a file that is none.
    """
    _make_room(path)
    runner = web.AppRunner(api.application(), access_log=None, logger=HttpLog(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(path)).start()
        _open_to_all(path)
    except OSError:
        await runner.cleanup()
        raise
    return WorkloadSocket(path, runner)


def _make_room(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > MAX_SOCKET_PATH_BYTES:
        raise ValueError(
            f"{path}: {length} bytes, a socket's path has at most {MAX_SOCKET_PATH_BYTES}; use a shorter folder"
        )
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise FileExistsError(f"{path} is there and is no socket; move it away")
    path.unlink(missing_ok=True)


def _open_to_all(path: Path) -> None:
    path.chmod(0o666)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response({"message": error.reason}, status=error.status)
    except CertificateError as error:
        return web.json_response({"message": str(error)}, status=500)


@web.middleware
async def _check_version(request: web.Request, handler: Handler) -> web.StreamResponse:
    version = request.query.get("api-version")
    if version not in API_VERSIONS:
        known = ", ".join(sorted(API_VERSIONS))
        given = "is missing" if version is None else f"{version[:40]!r} is not known"
        return web.json_response({"message": f"api-version {given}; there are: {known}"}, status=400)
    return await handler(request)


async def _json_object(request: web.Request) -> dict[str, Any]:
    """The body whatever its Content-Type, of which Python's SDK sends none; no body is an empty object."""
    raw = await request.read()
    try:
        body = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(reason="the body is not JSON") from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(reason="the body is not a JSON object")
    return body


def _base64(body: dict[str, Any], name: str) -> bytes:
    value = body.get(name)
    if not isinstance(value, str):
        raise web.HTTPBadRequest(reason=f"{name}: base64 text expected")
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise web.HTTPBadRequest(reason=f"{name}: not base64") from error


def _expiration(body: dict[str, Any], *, required: bool) -> dt.datetime | None:
    text = body.get("expiration")
    if text is None and not required:
        return None
    try:
        until = dt.datetime.fromisoformat(text)  # type: ignore[arg-type]  # a TypeError is the answer below
    except (TypeError, ValueError):
        raise web.HTTPBadRequest(reason="expiration: a time in ISO 8601 expected") from None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    if until <= dt.datetime.now(dt.UTC):
        raise web.HTTPBadRequest(reason="expiration: has passed")
    return until


async def _issued(issue: Callable[[], IssuedCertificate]) -> web.Response:
    try:
        issued = await asyncio.to_thread(issue)
    except ValueError as error:
        raise web.HTTPBadRequest(reason=f"commonName: {error}") from error
    return web.json_response(
        {
            "privateKey": {"type": "key", "bytes": issued.key},
            "certificate": issued.chain,
            "expiration": issued.expiration.isoformat(),
        },
        status=201,
    )
