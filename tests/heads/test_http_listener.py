"""What strangers do to an HTTPS port: say nothing, say it slowly, come in crowds, talk nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from edge_runtime.heads.http_listener import HttpListener
from edge_runtime.heads.json_errors import errors_as_json
from edge_runtime.hub.certificates import Certificates, server_context
from tests.patience import PATIENCE_S

LIMIT = 3
SHORT_S = 0.3
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SECRET = b"SharedAccessSignature sr=x&sig=s3cr3ts1gn4tur3&se=1"


class Stranger:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, data: bytes = GET) -> bytes:
        """The answer's first line."""
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await self.reader.readexactly(length)
        return head.split(b"\r\n")[0]

    async def expect_end(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            try:
                assert await self.reader.read() == b""
            except ConnectionError:
                return


class Port:
    """The listener under test; `release` lets requests of `/wait` be answered."""

    def __init__(self, listener: HttpListener, address: str, trust_bundle: str) -> None:
        self.listener = listener
        self.refused: list[str] = []
        self.waiting = 0
        self.release = asyncio.Event()
        self._address = address
        self._context = ssl.create_default_context(cadata=trust_bundle)
        self.stack = AsyncExitStack()

    async def connect(self, *, secure: bool = True) -> Stranger:
        context = self._context if secure else None
        reader, writer = await asyncio.open_connection(
            self._address, 443, ssl=context, server_hostname="gateway.local" if secure else None
        )
        self.stack.push_async_callback(_end, writer)
        return Stranger(reader, writer)

    async def until_refused(self, *reasons: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.refused != [*reasons]:
                await asyncio.sleep(0.005)


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


Open = Callable[..., Awaitable[Port]]


@pytest.fixture
async def listening(certificates: Certificates, loopback: str) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_port(patience_s: float = PATIENCE_S) -> Port:
            async def wait(_: web.Request) -> web.Response:
                port.waiting += 1
                await port.release.wait()
                return web.Response(text="late")

            application = web.Application(middlewares=[errors_as_json])
            application.add_routes([web.get("/wait", wait)])
            listener = HttpListener(
                application,
                server_context(certificates),
                lambda reason, _: port.refused.append(reason),
                max_connections=LIMIT,
                patience_s=patience_s,
            )
            port = Port(listener, loopback, certificates.trust_bundle)
            await listener.listen(loopback, 443)
            stack.push_async_callback(listener.close)
            await stack.enter_async_context(port.stack)
            return port

        yield open_port


async def test_a_connection_is_kept_for_more_than_one_request(listening: Open) -> None:
    port = await listening()
    stranger = await port.connect()
    assert await stranger.ask() == b"HTTP/1.1 404 Not Found"
    assert await stranger.ask(GET + GET) == b"HTTP/1.1 404 Not Found"


async def test_who_never_ends_the_handshake_is_dropped(listening: Open) -> None:
    port = await listening(SHORT_S)
    silent = await port.connect(secure=False)
    await silent.expect_end()
    await port.until_refused("tls_failed")


async def test_who_does_not_speak_tls_is_dropped(listening: Open) -> None:
    port = await listening()
    plain = await port.connect(secure=False)
    plain.writer.write(GET)
    await plain.expect_end()
    await port.until_refused("tls_failed")


@pytest.mark.parametrize("said", [b"", b"GET / HT", GET[:-2]])
async def test_who_does_not_ask_is_dropped(listening: Open, said: bytes) -> None:
    port = await listening(SHORT_S)
    slow = await port.connect()
    slow.writer.write(said)
    await slow.expect_end()


async def test_a_head_that_comes_byte_by_byte_wins_no_time(listening: Open) -> None:
    port = await listening(SHORT_S)
    slow = await port.connect()
    slow.writer.write(GET[:-2] + b"X: ")

    async def dribble() -> None:
        while True:
            slow.writer.write(b"x")
            await asyncio.sleep(SHORT_S / 10)

    dribbling = asyncio.create_task(dribble())
    await slow.expect_end()
    dribbling.cancel()


async def test_who_asks_no_more_is_dropped(listening: Open) -> None:
    port = await listening(SHORT_S)
    stranger = await port.connect()
    assert await stranger.ask() == b"HTTP/1.1 404 Not Found"
    await stranger.expect_end()


async def test_the_oldest_idle_connection_makes_room(listening: Open) -> None:
    port = await listening()
    busy = await port.connect()
    busy.writer.write(GET.replace(b"/ ", b"/wait "))
    idle = await port.connect()
    assert await idle.ask() == b"HTTP/1.1 404 Not Found"
    handshaking = await port.connect(secure=False)
    third = await port.connect()
    assert await third.ask() == b"HTTP/1.1 404 Not Found"
    await idle.expect_end()
    fourth = await port.connect()
    assert await fourth.ask() == b"HTTP/1.1 404 Not Found"
    await handshaking.expect_end()
    assert port.refused == ["http_limit", "http_limit"]
    port.release.set()
    assert await busy.ask(b"") == b"HTTP/1.1 200 OK"


async def test_when_all_are_busy_a_new_one_is_refused(listening: Open) -> None:
    port = await listening()
    busy = [await port.connect() for _ in range(LIMIT)]
    for stranger in busy:
        stranger.writer.write(GET.replace(b"/ ", b"/wait "))
    async with asyncio.timeout(PATIENCE_S):
        while port.waiting < LIMIT:
            await asyncio.sleep(0.005)
    late = await port.connect(secure=False)
    await late.expect_end()
    assert port.refused == ["http_limit"]
    port.release.set()
    for stranger in busy:
        assert await stranger.ask(b"") == b"HTTP/1.1 200 OK"


async def test_who_has_left_takes_no_place(listening: Open) -> None:
    port = await listening()
    for _ in range(3 * LIMIT):
        stranger = await port.connect()
        assert await stranger.ask() == b"HTTP/1.1 404 Not Found"
        stranger.writer.close()
        await stranger.writer.wait_closed()
    assert port.refused == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nAuthorization: " + SECRET + b"x" * 9000 + b"\r\n\r\n", b"400"),
        (b"GET /" + SECRET.replace(b" ", b"+") + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: nonsense\r\nAuthorization: " + SECRET + b"\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization\x00: " + SECRET + b"\r\n\r\n", b"400"),
        (SECRET + b"\r\n\r\n", b"400"),
    ],
    ids=["long header", "long line", "many headers", "bad length", "bad name", "no request"],
)
async def test_nonsense_is_400_and_not_logged(
    listening: Open, caplog: pytest.LogCaptureFixture, request_: bytes, status: bytes
) -> None:
    caplog.set_level(logging.INFO)
    port = await listening()
    stranger = await port.connect()
    assert (await stranger.ask(request_)).split()[1] == status
    assert "s3cr3t" not in caplog.text
    # What is not even a method is no news to aiohttp.
    assert port.refused == ([] if request_.startswith(SECRET) else ["bad_request"])
    assert (await (await port.connect()).ask()).split()[1] == b"404", "the next one is served"


async def test_the_end_waits_for_nobody(listening: Open) -> None:
    port = await listening()
    idle, busy = await port.connect(), await port.connect()
    assert await idle.ask() == b"HTTP/1.1 404 Not Found"
    busy.writer.write(GET.replace(b"/ ", b"/wait "))
    handshaking = await port.connect(secure=False)
    async with asyncio.timeout(PATIENCE_S):
        await port.listener.close()
    for stranger in (idle, busy, handshaking):
        await stranger.expect_end()
    with pytest.raises(OSError):
        await port.connect(secure=False)
