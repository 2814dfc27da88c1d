"""Serves HTTP, with TLS or without, to strangers: bounded in connections, patient with nobody for long."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestHandler

from edge_runtime.http_log import HttpLog, Refused
from edge_runtime.lasting import keep_running

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 256
# For the handshake, and for the head of each request from the end of the one before.
PATIENCE_S = 30.0
_BACKLOG = 128
_TLS_SHUTDOWN_S = 5.0
_STOP_S = 1.0
_PAUSE_S = 1.0


@dataclass(eq=False, slots=True)
class _Visitor:
    """One connection. `end` drops it; `busy` while a request of it is being answered."""

    peer: str
    connection: socket.socket
    end: Callable[[], object]
    busy: bool = False

    @property
    def gone(self) -> bool:
        return self.connection.fileno() < 0


class HttpListener:
    """One application on one port. When it is full, the oldest connection that is not busy makes room.

    Args:
        application: what is served; not frozen yet, for the listener adds a middleware.
        tls: the context of every handshake; None for plain HTTP.
        refused: told of each connection that is dropped: a reason, and who it was.
        max_connections: at one time.
        patience_s: for a handshake and for the head of a request.
    """

    def __init__(
        self,
        application: web.Application,
        tls: ssl.SSLContext | None,
        refused: Refused,
        *,
        max_connections: int = MAX_CONNECTIONS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        application.middlewares.insert(0, self._attend())
        self._tls = tls
        self._refused = refused
        self._max_connections = max_connections
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=HttpLog(refused),
            keepalive_timeout=patience_s,
            shutdown_timeout=_STOP_S,
            handler_cancellation=True,
        )
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._handshakes: set[asyncio.Task[None]] = set()
        self._visitors: dict[RequestHandler, _Visitor] = {}

    async def listen(self, address: str, port: int) -> int:
        """The port, which the kernel chooses for 0. Raises OSError as it comes when it cannot be bound."""
        listening = socket.create_server((address, port), backlog=_BACKLOG)
        listening.setblocking(False)
        await self._runner.setup()
        self._listening = listening
        self._accepting = keep_running(f"Accepting on {address}:{port}", partial(self._accept, listening))
        bound: int = listening.getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and end every connection; what is being answered gets a second."""
        tasks = [task for task in (self._accepting, *self._handshakes) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, address = await self._loop.sock_accept(listening)
            except OSError as error:
                # Without file descriptors it fails until somebody closes one.
                logger.warning("HTTP: cannot accept a connection: %s", error)
                await asyncio.sleep(_PAUSE_S)
            else:
                self._admit(connection, f"{address[0]}:{address[1]}")
                # A flood must not keep everybody else waiting: accepting what is there does not yield.
                await asyncio.sleep(0)

    def _admit(self, connection: socket.socket, peer: str) -> None:
        self._visitors = {key: visitor for key, visitor in self._visitors.items() if not visitor.gone}
        if len(self._visitors) >= self._max_connections and not self._make_room():
            self._refused("http_limit", f"{peer}: {self._max_connections} connections are busy")
            connection.close()
            return
        server = self._runner.server
        assert server is not None  # noqa: S101 - listen() has set it up
        protocol = server()
        visitor = self._visitors[protocol] = _Visitor(peer, connection, connection.close)
        task = self._loop.create_task(self._connect(visitor, protocol), name=f"TLS with {peer}")
        visitor.end = task.cancel
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    def _make_room(self) -> bool:
        idle = next(((key, visitor) for key, visitor in self._visitors.items() if not visitor.busy), None)
        if idle is None:
            return False
        protocol, visitor = idle
        self._refused("http_limit", f"{visitor.peer}: dropped for a newer connection")
        del self._visitors[protocol]
        visitor.end()
        return True

    async def _connect(self, visitor: _Visitor, protocol: RequestHandler) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol,
                visitor.connection,
                ssl=self._tls,
                ssl_handshake_timeout=self._patience_s if self._tls else None,
                ssl_shutdown_timeout=_TLS_SHUTDOWN_S if self._tls else None,
            )
        except OSError as error:
            self._refused("tls_failed", f"{visitor.peer}: {error}")
        else:
            assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's promise for streams
            visitor.end = transport.abort

    def _attend(self) -> Middleware:
        @web.middleware
        async def attend(request: web.Request, handler: Handler) -> web.StreamResponse:
            visitor = self._visitors.get(request.protocol)
            if visitor is None:
                return await handler(request)
            visitor.busy = True
            try:
                return await handler(request)
            finally:
                visitor.busy = False

        return attend
