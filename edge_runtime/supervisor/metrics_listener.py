"""edgeAgent's metrics over HTTP, `GET /metrics`, on port 9601 of the runtime's address.

Heavy to import: whoever needs a quick start imports it while something else starts.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time

from aiohttp import web

from edge_runtime.agent.engine import Engine, EngineError, Resources
from edge_runtime.agent.machine import look
from edge_runtime.agent.measurements import Measurements
from edge_runtime.agent.metrics import AgentMetrics, Reading
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.agent.usage import process_usage, session_usage
from edge_runtime.exposition import CONTENT_TYPE
from edge_runtime.host_header import is_foreign
from edge_runtime.http_log import HttpLog
from edge_runtime.state_folder import StateFolder
from edge_runtime.supervisor.options import IOTHUB_HOSTNAME

_log = logging.getLogger(__name__)
PORT = 9601


class MetricsListener:
    """`start`, then `stop`. `address` is HOST:PORT while it listens, else None; `warnings` what is not as usual."""

    def __init__(
        self,
        device: str,
        gateway_hostname: str,
        folder: StateFolder,
        *,
        engine: Engine,
        registry: ProcessRegistry,
        measurements: Measurements,
    ) -> None:
        self._gateway_hostname = gateway_hostname
        self._folder = folder
        self._engine = engine
        self._registry = registry
        self._metrics = AgentMetrics(measurements, IOTHUB_HOSTNAME, device, secrets.token_hex(8))
        self._runner: web.AppRunner | None = None
        self.address: str | None = None
        self.warnings: tuple[str, ...] = ()

    async def start(self, address: str) -> None:
        """Listen; where 9601 is taken on another port, with a warning. Raises OSError."""
        application = web.Application()
        application.router.add_get("/metrics", self._serve)
        self._runner = web.AppRunner(application, access_log=None, logger=HttpLog(), shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, address, PORT).start()
        except OSError as error:
            await web.TCPSite(self._runner, address, 0).start()
            self.warnings = (
                f"{address}:{PORT} cannot be used ({error.strerror}): edgeAgent's metrics are on another port",
            )
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        if is_foreign(request.headers.get("Host", ""), self._gateway_hostname):
            raise web.HTTPForbidden(reason="Host: an address, or a name without a dot, is needed")
        reading = await asyncio.to_thread(self._read)
        text = self._metrics.text(reading)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    def _read(self) -> Reading:
        modules: dict[str, Resources] = {}
        own = process_usage(os.getpid())
        if own is not None:
            modules["edgeAgent"] = own
        if self._registry.hub is not None:
            modules |= session_usage({"edgeHub": self._registry.hub.pid})
        try:
            modules |= self._engine.resources()
        except EngineError as error:
            _log.warning("what the modules use is not known: %s", error)
        return Reading(time.monotonic(), look(self._folder.path), modules)
