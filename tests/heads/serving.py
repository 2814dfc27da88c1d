"""HTTP applications of the heads, served for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from edge_runtime.heads.observer import ObserverApi
from edge_runtime.hub.edge_hub import EdgeHub

TOKEN = "observer-token"


@asynccontextmanager
async def served_observer(hub: EdgeHub) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the hub's observer API; `TOKEN` opens it."""
    application = ObserverApi(hub, token=TOKEN, instance="i").application()
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield session
    finally:
        await runner.cleanup()
