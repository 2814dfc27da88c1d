"""The page's server: the application, and how it listens. Heavy to import: only for a `run` with a page."""

from __future__ import annotations

import logging
import os
import secrets
from collections import Counter
from pathlib import Path

from aiohttp import web

from edge_runtime.heads.http_listener import HttpListener
from edge_runtime.page.arrived import ArrivedHandler
from edge_runtime.page.controls import ControlHandlers
from edge_runtime.page.endpoints import Endpoints
from edge_runtime.page.guard import add_headers, guard
from edge_runtime.page.json_http import RequestError, answer, errors_as_json
from edge_runtime.page.live import Live
from edge_runtime.page.runtime_client import RuntimeClient
from edge_runtime.page.static_files import static_file
from edge_runtime.page.stream import STALLED_S, StreamHandler

_log = logging.getLogger(__name__)
MOST_BODY = 1024 * 1024
MOST_CONNECTIONS = 64


class PageServer:
    """`start`, then `follow` whenever the runtime's endpoints change, then `stop`. All on one event loop.

    Args:
        upstream: the file of what arrived (`STATE/upstream.db`).
        stalled_s: see StreamHandler.
    """

    def __init__(self, upstream: Path, stalled_s: float = STALLED_S) -> None:
        self._token = secrets.token_urlsafe(24)
        self._client = RuntimeClient()
        self._live = Live(self._client)
        application = web.Application(
            client_max_size=MOST_BODY, middlewares=[errors_as_json, guard(self._token)]
        )
        application.on_response_prepare.append(add_headers)
        application.on_shutdown.append(self._end_streams)
        application.router.add_get("/api/v1/snapshot", self._snapshot)
        application.router.add_get("/api/v1/stream", StreamHandler(self._live, stalled_s).handle)
        application.router.add_get("/api/v1/arrived", ArrivedHandler(upstream).handle)
        application.add_routes(ControlHandlers(self._client).routes())
        application.router.add_route("*", "/api/{rest:.*}", _no_such_call)
        application.router.add_get("/{name:.*}", static_file)
        self._listener = HttpListener(application, None, _Refusals(), max_connections=MOST_CONNECTIONS)
        self.warnings: tuple[str, ...] = ()
        self.url: str | None = None

    async def start(self, address: str, port: int) -> None:
        """Listen; where the port is taken on another, with a warning. Raises OSError."""
        try:
            bound = await self._listener.listen(address, port)
        except OSError as error:
            if port == 0:
                raise
            bound = await self._listener.listen(address, 0)
            why = os.strerror(error.errno or 0)
            self.warnings = (
                f"--page {port}: {address}:{port} cannot be used ({why}): the page is on {bound}",
            )
        self.url = f"http://{address}:{bound}/#token={self._token}"

    def follow(self, endpoints: Endpoints) -> None:
        """Where the runtime answers from now on."""
        self._client.follow(endpoints)

    async def stop(self) -> None:
        """End every stream, and listen no more."""
        await self._listener.close()
        await self._client.close()

    async def _end_streams(self, _application: web.Application) -> None:
        await self._live.end()

    async def _snapshot(self, _request: web.Request) -> web.Response:
        return answer(await self._live.snapshot())


async def _no_such_call(request: web.Request) -> web.StreamResponse:
    raise RequestError(
        404, f"the page's API has no {request.method} {request.path}; docs/page.md lists what it has"
    )


class _Refusals:
    """Logged at 1, 10, 100... of a reason: any program on this machine can connect."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def __call__(self, reason: str, detail: str) -> None:
        self._counts[reason] += 1
        count = self._counts[reason]
        if count == 10 ** (len(str(count)) - 1):
            _log.info("page: %s: %s (%d so far)", reason, detail, count)
