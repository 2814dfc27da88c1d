from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.serve.open_loop import OpenLoad, drive_open
from tests.patience import PATIENCE_S

Serve = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"


def answer(status: str, body: bytes = b"done", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


class Server:
    """A server whose answers a test decides; `connections` and `bodies` are what came."""

    def __init__(self, serve: Serve) -> None:
        self.connections = 0
        self.bodies: list[bytes] = []
        self.port = 0
        self._serve = serve
        self._loop = asyncio.new_event_loop()
        self._started, self._stopping = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(PATIENCE_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            try:
                while not writer.is_closing():
                    await reader.readuntil(b"\r\n\r\n")
                    self.bodies.append(await reader.readexactly(4))
                    await self._serve(self.bodies[-1], reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@pytest.fixture(autouse=True)
def answers_have_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LAST_CONNECTIONS_S", "_LAST_ANSWERS_S"):
        monkeypatch.setattr(f"benchmarks.serve.open_loop.{name}", PATIENCE_S)


@contextmanager
def serving(serve: Serve) -> Iterator[Server]:
    server = Server(serve)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def says(body: bytes, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a body asks for."""
    answers = {
        b"yes ": answer("200 OK"),
        b"full": answer("429 Too Many Requests"),
        b"fail": answer("500 Internal Server Error"),
        b"bye ": answer("200 OK", more="Connection: close\r\n"),
    }
    if body == b"rst ":
        writer.transport.abort()
        return
    whole = answers[body]
    writer.write(whole[:9])  # in two parts: an answer is whatever comes until its length
    await writer.drain()
    await asyncio.sleep(0)
    writer.write(whole[9:])
    if body == b"bye ":
        await writer.drain()
        writer.close()


def load(port: int, *bodies: bytes, rate: float = 200, seconds: float = 0.5, most: int = 200) -> OpenLoad:
    requests = [REQUEST + body for body in bodies]
    return drive_open(port, requests, rate, seconds, within_s=PATIENCE_S, most_open=most)


def ends(found: OpenLoad) -> dict[str, int]:
    names = ("good", "late", "refused", "failed", "broken", "unanswered", "unconnected", "unsent")
    return {name: getattr(found, name) for name in names if getattr(found, name)}


def test_every_request_comes_to_one_end() -> None:
    with serving(says) as server:
        found = load(server.port, b"yes ", b"full", b"fail", b"bye ", b"rst ")
    assert found.due == 100
    assert ends(found) == {"good": 40, "refused": 20, "failed": 20, "broken": 20}
    assert [server.bodies.count(body) for body in (b"yes ", b"full", b"fail", b"bye ", b"rst ")] == [20] * 5
    assert found.offered == 200
    assert found.goodput == 80
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms
    assert found.busy > 0


def test_connections_are_used_again() -> None:
    with serving(says) as server:
        found = load(server.port, b"yes ", rate=20, most=1)
        assert found.good + found.unsent == 10  # a busy machine may not come to all of them by one connection
        assert found.good > 0
        assert server.connections == 1


def slow_at_first(seconds: float) -> Serve:
    """Keeps the first who asks waiting."""
    first: list[bytes] = []

    async def slow(body: bytes, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not first:
            first.append(body)
            await asyncio.sleep(seconds)
        writer.write(answer("200 OK"))

    return slow


def test_a_request_that_had_to_wait_for_a_connection_was_due_before() -> None:
    """The first answer takes 0.3 s and keeps the only connection: what was due meanwhile has waited as long."""
    with serving(slow_at_first(0.3)) as server:
        found = load(server.port, b"yes ", rate=100, seconds=0.5, most=1)
    assert found.p99_ms >= 290
    # Half of the requests of the first 0.3 s waited for more than 0.15 s of it.
    assert found.p95_ms >= 200


def test_it_does_not_wait_for_answers_that_are_held_back() -> None:
    """A client that waits would have sent one request."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        if len(held) == 50:
            for one in held:
                one.write(answer("429 Too Many Requests"))

    with serving(hold) as server:
        found = load(server.port, b"yes ", rate=100, seconds=0.5)
        assert server.connections == 50
    assert ends(found) == {"refused": 50}


def test_answers_that_never_come_and_requests_without_a_connection_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.serve.open_loop._LAST_ANSWERS_S", 0.1)

    async def silent(*_: object) -> None:
        pass

    with serving(silent) as server:
        assert ends(load(server.port, b"yes ", rate=20, most=3)) == {"unanswered": 3, "unsent": 7}


def test_an_answer_after_the_bound_is_late() -> None:
    async def slow(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.6)
        writer.write(answer("200 OK"))

    with serving(slow) as server:
        found = drive_open(server.port, [REQUEST + b"yes "], 20, 0.5, within_s=0.5)
    assert ends(found) == {"late": 10}
    assert found.goodput == 0


def test_the_newest_of_those_that_wait_goes_first_and_the_old_give_up() -> None:
    """The only connection is taken for 0.6 s: what was due in the first 0.3 s of them is not asked any more."""
    bodies = [b"%4d" % number for number in range(40)]
    with serving(slow_at_first(0.6)) as server:
        requests = [REQUEST + body for body in bodies]
        found = drive_open(server.port, requests, 100, 0.4, within_s=0.3, most_open=1)
        asked = [int(body) for body in server.bodies]
    assert asked[0] == 0
    assert asked[1:] == sorted(asked[1:], reverse=True)
    assert found.unsent + len(asked) == 40  # the client's own connection was busy
    assert found.unconnected == 0
    assert found.unsent >= 29


def test_connections_that_nobody_takes_are_told_from_those_that_are_busy() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        # The kernel's queue has room for one, and drops the others' attempts.
        socket.create_connection(full.getsockname()),
    ):
        found = drive_open(full.getsockname()[1], [REQUEST + b"yes "], 40, 0.5, within_s=0.2, most_open=2)
    assert found.due == 20
    assert found.unanswered + found.broken == 0
    assert ends(found) == {"unconnected": 20}
    assert (found.offered, found.reached) == (40, 0)


def test_the_end_of_asking_is_told_once_before_the_last_answers() -> None:
    told: list[int] = []

    async def slow(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not told:
            await asyncio.sleep(0.01)
        writer.write(answer("200 OK"))

    with serving(slow) as server:
        found = drive_open(
            server.port, [REQUEST + b"yes "], 20, 0.2, within_s=PATIENCE_S, ended=lambda: told.append(1)
        )
    assert told == [1]
    assert ends(found) == {"good": 4}


def test_nobody_listens() -> None:
    with serving(says) as server:
        port = server.port
    assert ends(load(port, b"yes ", rate=20)) == {"broken": 10}


def test_a_request_larger_than_a_socket_takes_is_sent_whole() -> None:
    size = 8 << 20
    request = f"POST / HTTP/1.1\r\nHost: a\r\nX: {'x' * 1000}\r\n\r\n".encode() + b"yes " + bytes(size)
    seen: list[int] = []

    async def read_all(_: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(len(await reader.readexactly(size)))
        writer.write(answer("200 OK"))

    with serving(read_all) as server:
        found = drive_open(server.port, [request], 10, 0.2, within_s=PATIENCE_S)
    assert ends(found) == {"good": 2}
    assert seen == [size, size]


@pytest.mark.parametrize(
    ("rate", "seconds", "told"),
    [
        (10, 0, "expected more than 0, at most 120"),
        (10, 121, "expected more than 0, at most 120"),
        (0.1, 1, "expected 1 to 2,000,000"),
        (1e6, 10, "expected 1 to 2,000,000"),
    ],
)
def test_count_and_time_are_bounded(rate: float, seconds: float, told: str) -> None:
    with pytest.raises(BenchmarkError, match=told):
        drive_open(1, [REQUEST], rate, seconds, within_s=1)


def test_an_answer_that_cannot_be_read_is_told() -> None:
    async def chunked(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    with serving(chunked) as server, pytest.raises(BenchmarkError, match="without Content-Length"):
        load(server.port, b"yes ")
