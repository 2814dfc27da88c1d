"""Listens for MQTT over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from edge_runtime.heads.mqtt.connection import Connection
from edge_runtime.heads.mqtt.handshake import SERVER_UNAVAILABLE, RefusedError
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Hub

MAX_CLIENTS = 100
# Connections without a CONNECT yet; beyond that the oldest goes, so that a flood keeps nobody out for long.
MAX_HALF_OPEN = 128
CONNECT_TIMEOUT_S = 60.0
_BACKLOG = 128
_TLS_SHUTDOWN_S = 5.0
_CLOSE_TIMEOUT_S = 2.0


class MqttServer:
    """Accepts connections, does TLS, and knows who is connected."""

    def __init__(
        self,
        hub: Hub,
        tls: ssl.SSLContext,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        max_clients: int | None = None,
    ) -> None:
        """`max_clients` is how many identities may be connected at once, MAX_CLIENTS when it is None."""
        self._hub = hub
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s
        self._max_clients = max_clients
        self._loop = asyncio.get_running_loop()
        self._listener: asyncio.Server | None = None
        self._half_open: dict[Connection, tuple[asyncio.Transport, asyncio.TimerHandle]] = {}
        self._clients: dict[ClientId, Connection] = {}
        self._connections: set[Connection] = set()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def listen(self, address: str, port: int) -> None:
        """Raises OSError as it comes when the address cannot be bound."""
        self._listener = await self._loop.create_server(
            lambda: _Accepted(self), address, port, backlog=_BACKLOG
        )

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._listener is not None:
            self._listener.close()
        for transport, _ in list(self._half_open.values()):
            transport.abort()
        if self._handshakes:
            await asyncio.wait(self._handshakes)
        for connection in list(self._connections):
            connection.close("the hub stops")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _CLOSE_TIMEOUT_S)
        for connection in list(self._connections):
            connection.abort()
        await self._idle.wait()
        if self._listener is not None:
            await self._listener.wait_closed()

    # Registry ----------------------------------------------------------------------------------

    def admit(self, client: ClientId) -> None:
        most = MAX_CLIENTS if self._max_clients is None else self._max_clients
        if client not in self._clients and len(self._clients) >= most:
            detail = f"{most} clients are connected, which is the limit"
            raise RefusedError(SERVER_UNAVAILABLE, "too_many_clients", detail, client)

    def connected(self, connection: Connection, client: ClientId) -> None:
        self._clients[client] = connection
        self._no_longer_half_open(connection)

    def gone(self, connection: Connection) -> None:
        self._no_longer_half_open(connection)
        for client, current in list(self._clients.items()):
            if current is connection:
                del self._clients[client]

    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._idle.set()

    # New connections -----------------------------------------------------------------------------

    def accept(self, transport: asyncio.Transport) -> None:
        """A TCP connection; nothing has been read of it."""
        transport.pause_reading()
        connection = self._await_connect(transport)
        task = self._loop.create_task(
            self._start_tls(transport, connection), name=f"TLS with {connection.peer}"
        )
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    def adopt(self, transport: asyncio.Transport) -> Connection:
        """A stream that came by another listener, ready to be written and read."""
        connection = self._await_connect(transport)
        self._begin(connection, transport)
        return connection

    def _await_connect(self, transport: asyncio.Transport) -> Connection:
        peername = transport.get_extra_info("peername")
        peer = f"{peername[0]}:{peername[1]}" if peername else "unknown"
        connection = Connection(self._hub, self, peer=peer)
        if len(self._half_open) >= MAX_HALF_OPEN:
            oldest, (oldest_transport, _) = next(iter(self._half_open.items()))
            self._give_up(oldest, oldest_transport, "half_open_limit")
        timer = self._loop.call_later(
            self._connect_timeout_s, self._give_up, connection, transport, "connect_timeout"
        )
        self._half_open[connection] = (transport, timer)
        return connection

    async def _start_tls(self, transport: asyncio.Transport, connection: Connection) -> None:
        # By hand instead of in create_server, which tells nobody of a socket that never ends its handshake.
        try:
            secured = await self._loop.start_tls(
                transport,
                connection,
                self._tls,
                server_side=True,
                ssl_handshake_timeout=self._connect_timeout_s,
                ssl_shutdown_timeout=_TLS_SHUTDOWN_S,
            )
        except OSError as error:
            self._hub.drop(None, "tls_failed", f"{connection.peer}: {error}")
            secured = None
        if secured is None:
            self.gone(connection)
            return
        self._begin(connection, secured)

    def _begin(self, connection: Connection, transport: asyncio.Transport) -> None:
        self._connections.add(connection)
        self._idle.clear()
        connection.connection_made(transport)

    def _give_up(self, connection: Connection, transport: asyncio.Transport, reason: str) -> None:
        self._hub.drop(None, reason, f"{connection.peer}: no CONNECT")
        self._no_longer_half_open(connection)
        transport.abort()

    def _no_longer_half_open(self, connection: Connection) -> None:
        _, timer = self._half_open.pop(connection, (None, None))
        if timer is not None:
            timer.cancel()


class _Accepted(asyncio.Protocol):
    """Stands in until TLS takes the transport over."""

    def __init__(self, server: MqttServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's promise for streams
        self._server.accept(transport)
