"""`GET /api/v1/stream`: server-sent events for one browser, until it goes."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web

from edge_runtime.page.live import Live
from edge_runtime.page.readers import event

# A browser that takes nothing for as long is gone, whatever its connection says: a lid was closed.
STALLED_S = 60.0


class StreamHandler:
    """`stalled_s`: after so long without taking anything a browser loses its connection."""

    def __init__(self, live: Live, stalled_s: float = STALLED_S) -> None:
        self._live = live
        self._stalled_s = stalled_s

    async def handle(self, request: web.Request) -> web.StreamResponse:
        reader = self._live.open()
        try:
            hello = await self._live.hello()
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            events: bytes | None = event("hello", hello)
            with contextlib.suppress(ConnectionError):
                while events is not None:
                    await self._write(request, response, events)
                    events = await reader.get()
        finally:
            await self._live.close(reader)
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
        return response

    async def _write(self, request: web.Request, response: web.StreamResponse, events: bytes) -> None:
        try:
            async with asyncio.timeout(self._stalled_s):
                await response.write(events)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the browser takes nothing") from None
