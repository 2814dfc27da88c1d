"""The runtime as the page sees it: observer API, control API and metrics of docs/runtime-interfaces.md."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

from edge_runtime.page.endpoints import Endpoints
from edge_runtime.page.json_http import RequestError, RuntimeAwayError

_PATIENCE_S = 10.0
# A method may take 300 s, and the hub answers by itself then.
_MOST_METHOD_S = 310.0
_CONNECT_S = 5.0
# A sampled message: 256 KiB of body as base64, and what surrounds it.
_READ_BUFFER = 512 * 1024
# A line of the feed: above this it is none of the hub's.
_MOST_LINE = 4 * 1024 * 1024
# The observer's snapshot: each second it is read, and sent to each browser.
MOST_SNAPSHOT = 1024 * 1024


class RuntimeClient:
    """`follow` tells it where; until then, and when nobody answers there, calls raise RuntimeAwayError.

    What the runtime refuses is raised as RequestError, with its status and its words.
    """

    def __init__(self) -> None:
        self._endpoints: Endpoints | None = None
        self._http: aiohttp.ClientSession | None = None
        self._control: aiohttp.ClientSession | None = None

    def follow(self, endpoints: Endpoints) -> None:
        """From now on."""
        self._endpoints = endpoints

    @property
    def endpoints(self) -> Endpoints:
        if self._endpoints is None:
            raise RuntimeAwayError("the runtime is starting")
        return self._endpoints

    async def close(self) -> None:
        """End its connections."""
        for session in (self._http, self._control):
            if session is not None:
                await session.close()

    async def observed(self) -> dict[str, Any]:
        """The observer's snapshot."""
        url = self._observer("/v1/snapshot")
        async with self._answer(self._tcp(), "GET", url, _PATIENCE_S, headers=self._bearer()) as response:
            return dict(json.loads(await _bounded(response, MOST_SNAPSHOT)))

    async def explain(self, message: Any) -> dict[str, Any]:
        """Each route's verdict on a message."""
        url = self._observer("/v1/explain")
        return dict(await self._call(self._tcp(), "POST", url, message, headers=self._bearer()))

    async def twin(self, module: str) -> dict[str, Any]:
        """`{"desired", "reported"}`."""
        return dict(await self._call(self._unix(), "GET", f"{_module(module)}/twin"))

    async def patch_desired(self, module: str, patch: Any) -> dict[str, Any]:
        """`{"version"}`."""
        return dict(await self._call(self._unix(), "PATCH", f"{_module(module)}/twin/desired", patch))

    async def invoke(self, module: str, call: Mapping[str, Any]) -> dict[str, Any]:
        """`{"status", "payload"}`."""
        url = f"{_module(module)}/methods"
        return dict(await self._call(self._unix(), "POST", url, call, timeout_s=_MOST_METHOD_S))

    async def switch_upstream(self, connected: Any) -> dict[str, Any]:
        """`{"connected"}`."""
        return dict(
            await self._call(self._unix(), "PUT", "http://control/upstream", {"connected": connected})
        )

    async def metrics(self, name: str) -> str | None:
        """The text of `GET /metrics`; None where that one has no address."""
        address = self.endpoints.metrics.get(name)
        if address is None:
            return None
        async with self._answer(self._tcp(), "GET", f"http://{address}/metrics", _PATIENCE_S) as response:
            return await response.text()

    async def feed(self, query: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        """The lines of the observer's feed as they come, in groups; ends with the hub."""
        url = self._observer("/v1/feed")
        more = {"params": query, "headers": self._bearer()}
        rest = b""
        async with self._answer(self._tcp(), "GET", url, None, **more) as response:
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _MOST_LINE:
                    raise RuntimeAwayError("what the hub sends is no feed")
                if lines:
                    yield lines

    async def _call(
        self,
        session: aiohttp.ClientSession,
        verb: str,
        url: str,
        body: Any = None,
        *,
        timeout_s: float = _PATIENCE_S,
        **more: Any,
    ) -> Any:
        if body is not None:
            more["json"] = body
        async with self._answer(session, verb, url, timeout_s, **more) as response:
            return json.loads(await response.read())

    @asynccontextmanager
    async def _answer(
        self, session: aiohttp.ClientSession, verb: str, url: str, timeout_s: float | None, **more: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_S)
        try:
            async with session.request(verb, url, timeout=limits, **more) as response:
                if response.status >= HTTPStatus.BAD_REQUEST:
                    raise RequestError(response.status, await _message(response))
                yield response
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise RuntimeAwayError(f"the runtime does not answer: {_said(error)}") from error

    def _observer(self, path: str) -> str:
        return f"{self.endpoints.observer_url}{path}"

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoints.observer_token}"}

    def _tcp(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(read_bufsize=_READ_BUFFER, trust_env=False)
        return self._http

    def _unix(self) -> aiohttp.ClientSession:
        path = str(self.endpoints.control)  # the same for as long as a runtime lives
        if self._control is None:
            self._control = aiohttp.ClientSession(connector=aiohttp.UnixConnector(path))
        return self._control


def _module(name: str) -> str:
    return f"http://control/modules/{quote(name, safe='')}"


async def _bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise RequestError(HTTPStatus.BAD_GATEWAY, f"the hub's answer is larger than {most} bytes")
    return bytes(body)


async def _message(response: aiohttp.ClientResponse) -> str:
    try:
        document = json.loads(await response.read())
    except ValueError:
        document = None
    message = document.get("message") if isinstance(document, dict) else None
    return str(message or response.reason or f"status {response.status}")


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
