"""The protocol over real sockets in the test's own process, before an application that answers when it may."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.acceptor import Acceptor
from serving.connections import Connections
from serving.http_protocol import GuardedProtocol
from tests.patience import PATIENCE_S, eventually

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"
HEADER_BYTES = 4096


@dataclass
class Served:
    """The server's side: an application that answers, with the path as body, once it may.

    `status`: of its answers. `reads`: the request's body first. `more`: bytes of the body's beginning. `may_end`:
    its end comes then.
    """

    status: int = 200
    reads: bool = False
    more: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event | None = None
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    protocols: list[GuardedProtocol] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    bodies: int = 0
    left: int = 0

    async def begun(self, requests: int) -> None:
        await eventually(lambda: len(self.paths) == requests)

    def let_one_answer(self) -> None:
        """The request that waits for it now; not those that come after."""
        self.may_answer.set()
        self.may_answer.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        scope["state"]["in_flight"].add(task)
        self.paths.append(scope["path"])
        try:
            while self.reads and (await receive()).get("more_body"):
                pass
            self.bodies += 1
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.left += 1
            return
        finally:
            scope["state"]["in_flight"].discard(task)
        body = b"x" * self.more + scope["path"].encode()
        headers = [(b"content-length", b"%d" % len(body))]
        if scope["state"]["is_last"](self.status):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        if self.may_end is not None:
            await self.may_end.wait()
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connection(
    served: Served, header_timeout_s: float = PATIENCE_S, keep_alive_s: int = int(PATIENCE_S)
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client's connection to `served`."""
    protocol = _protocol(served, header_timeout_s, keep_alive_s, Connections(1))
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S), server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            try:
                await asyncio.wait_for(served.lost.wait(), PATIENCE_S)
            finally:
                for server_side in served.protocols:
                    server_side.transport.abort()


@dataclass
class Crowd:
    """Clients of one listener, which workers share."""

    address: tuple[str, int]
    acceptors: list[Acceptor] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def client(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One more; it may have to wait."""
        reader, writer = await asyncio.open_connection(*self.address)
        self.writers.append(writer)
        return reader, writer

    async def end(self) -> None:
        """As workers that end do."""
        for acceptor in self.acceptors:
            await acceptor.end(PATIENCE_S)


@asynccontextmanager
async def crowded(served: Served, *places: Connections) -> AsyncIterator[Crowd]:
    """`served` by a worker for each of `places`, all in this process."""
    tasks: set[asyncio.Task[None]] = set()
    with ExitStack() as open_ones:
        listener = open_ones.enter_context(socket.create_server(("127.0.0.1", 0)))
        crowd = Crowd(listener.getsockname())
        crowd.acceptors += [
            Acceptor(
                open_ones.enter_context(listener.dup()),
                one,
                _protocol(served, PATIENCE_S, int(PATIENCE_S), one),
                tasks,
            )
            for one in places
        ]
        async with asyncio.timeout(PATIENCE_S):
            try:
                yield crowd
            finally:
                for writer in crowd.writers:
                    writer.close()
                await crowd.end()
                await eventually(lambda: not tasks)
                for server_side in served.protocols:
                    server_side.transport.abort()
                await eventually(lambda: not any(one.open for one in places))


def _protocol(
    served: Served, header_timeout_s: float, keep_alive_s: int, places: Connections
) -> Callable[[], GuardedProtocol]:
    guarded = GuardedProtocol.configured(HEADER_BYTES, header_timeout_s, places)
    config = uvicorn.Config(
        served,
        http=guarded,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=keep_alive_s,
    )

    def protocol() -> GuardedProtocol:
        found = Watched(config, ServerState(), {})
        found.served = served
        served.protocols.append(found)
        return found

    class Watched(guarded):  # type: ignore[misc, valid-type]
        served: Served

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self.served.lost.set()

    return protocol
