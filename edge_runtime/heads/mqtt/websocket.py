"""MQTT over websockets, on the HTTPS listener: a stream of bytes in binary frames, for the same `Connection`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import WSMsgType, web

from edge_runtime.heads.mqtt.codec import MAX_REMAINING_LENGTH
from edge_runtime.heads.mqtt.server import MqttServer

PATH = "/$iothub/websocket"
SUBPROTOCOL = "mqtt"
# A packet of the greatest size with its head. Frames and packets have nothing to do with each other otherwise.
_MAX_FRAME_BYTES = MAX_REMAINING_LENGTH + 5
_CLOSE_TIMEOUT_S = 1.0
_FLUSH_TIMEOUT_S = 5.0


class MqttOverWebsockets:
    """Hands each websocket to `server` as one more connection."""

    def __init__(self, server: MqttServer) -> None:
        self._server = server
        self._open: set[WebsocketTransport] = set()

    def add_to(self, application: web.Application) -> None:
        """Serve the path, and end what is open before the application ends."""
        application.router.add_get(PATH, self._serve)
        application.on_shutdown.append(self._close)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), compress=False, max_msg_size=_MAX_FRAME_BYTES, timeout=_CLOSE_TIMEOUT_S
        )
        if websocket.can_prepare(request).protocol != SUBPROTOCOL:
            raise web.HTTPBadRequest(reason=f"a websocket with the sub-protocol {SUBPROTOCOL} is needed")
        await websocket.prepare(request)
        transport = WebsocketTransport(websocket, request)
        self._open.add(transport)
        try:
            await transport.carry(self._server.adopt(transport))
        finally:
            self._open.discard(transport)
        return websocket

    async def _close(self, _: web.Application) -> None:
        for transport in self._open:
            transport.close()


class WebsocketTransport(asyncio.Transport):
    """What a protocol of asyncio needs of a transport, on a websocket that is open."""

    def __init__(self, websocket: web.WebSocketResponse, request: web.Request) -> None:
        super().__init__()
        self._websocket = websocket
        self._below = request.transport
        self._protocol: asyncio.Protocol | None = None
        self._waiting = bytearray()
        self._wake = asyncio.Event()
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._closing = False
        self._high, self._low = 64 * 1024, 16 * 1024
        self._congested = False

    async def carry(self, protocol: asyncio.Protocol) -> None:
        """Both ways until either side ends it; the protocol hears of `connection_lost` then."""
        self._protocol = protocol
        writing = asyncio.create_task(self._write_all(), name="websocket writer")
        try:
            await self._read_all(protocol)
        finally:
            self._closing = True
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await writing
            protocol.connection_lost(None)

    async def _read_all(self, protocol: asyncio.Protocol) -> None:
        while True:
            await self._may_read.wait()
            message = await self._websocket.receive()
            if message.type is not WSMsgType.BINARY:
                # The end; or text, which MQTT has not.
                self.close()
                await self._websocket.close()
                return
            protocol.data_received(message.data)

    async def _write_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                chunk, self._waiting = bytes(self._waiting), bytearray()
                await self._websocket.send_bytes(chunk)
            self._relieve()
            if self._closing:
                await self._websocket.close()
                return

    # asyncio.Transport --------------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default if self._below is None else self._below.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing:
            return
        self._waiting += data
        self._wake.set()
        if len(self._waiting) > self._high and not self._congested and self._protocol is not None:
            self._congested = True
            self._protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 64 * 1024 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return len(self._waiting)

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Write what waits, then end; a reader that is too slow for that is cut off."""
        if not self._closing and self._below is not None:
            asyncio.get_running_loop().call_later(_FLUSH_TIMEOUT_S, self._below.abort)
        self._closing = True
        self._may_read.set()
        self._wake.set()

    def abort(self) -> None:
        """End now."""
        self._waiting.clear()
        self.close()
        if self._below is not None:
            self._below.abort()

    def _relieve(self) -> None:
        if self._congested and len(self._waiting) <= self._low and self._protocol is not None:
            self._congested = False
            self._protocol.resume_writing()
