"""What a connection takes in while its client does not wait, does not read, or has left."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from serving.http_flow import JoinedWrites, Unread
from serving.http_protocol import MAX_WAITING
from tests.patience import PATIENCE_S, eventually
from tests.serving.running import RunningService
from tests.serving.wired import GET, Served, connection

PIPELINED = 10


class Recorded:
    """What a transport was given, write by write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return b"closed" in self.writes

    def close(self) -> None:
        self.writes.append(b"closed")


@pytest.mark.parametrize("end", ["body", "turn", "close"])
async def test_an_answer_s_head_waits_for_its_body_no_longer_than_a_turn_of_the_loop(end: str) -> None:
    transport = Recorded()
    joined = JoinedWrites(asyncio.get_running_loop(), cast("asyncio.Transport", transport), transport.close)
    joined.write(b"head")
    assert transport.writes == []
    if end == "close":
        joined.close()
        assert transport.writes == [b"head", b"closed"]
        return
    if end == "turn":
        await asyncio.sleep(0)
        assert transport.writes == [b"head"]
    joined.write(b"body")
    joined.write(b"more")
    await asyncio.sleep(0)
    whole = [b"head", b"body"] if end == "turn" else [b"headbody"]
    assert transport.writes == [*whole, b"more"]


def test_every_answer_is_one_write() -> None:
    async def run() -> None:
        served = Served()
        async with connection(served) as (reader, writer):
            await eventually(lambda: served.protocols)
            (protocol,) = served.protocols
            recorded = Recorded()
            through = protocol.transport.write

            def write(data: Any) -> None:
                recorded.write(data)
                through(data)

            protocol.transport.write = write  # type: ignore[method-assign]
            writer.write(GET % b"one" + GET % b"two")
            served.may_answer.set()
            await reader.readuntil(b"/two")
            assert [data.count(b"HTTP/1.1 200 OK") for data in recorded.writes] == [1, 1]

    asyncio.run(run())


def test_nothing_is_read_while_a_request_waits() -> None:
    async def run() -> None:
        served = Served()
        async with connection(served) as (reader, writer):
            writer.write(GET % b"x" * PIPELINED)
            await eventually(lambda: served.protocols and served.protocols[0].flow.read_paused)
            (protocol,) = served.protocols
            waiting = len(protocol.pipeline)
            writer.write(GET % b"y" * PIPELINED)
            for answered in range(1, waiting + 1):
                assert protocol.flow.read_paused
                served.let_one_answer()
                await reader.readuntil(b"/x")
                await served.begun(answered + 1)
                if answered < waiting:
                    assert len(protocol.pipeline) == waiting - answered
            served.may_answer.set()
            for _ in range(PIPELINED):
                await reader.readuntil(b"/y")

    asyncio.run(run())


def test_a_connection_s_waiting_requests_have_a_bound() -> None:
    async def run() -> bytes:
        served = Served()
        async with connection(served) as (reader, writer):
            writer.write(GET % b"one" * (MAX_WAITING + 100))
            await eventually(lambda: served.protocols and served.protocols[0]._refused)
            assert len(served.protocols[0].pipeline) == MAX_WAITING
            served.may_answer.set()
            return await reader.read()

    answer = asyncio.run(run())
    assert answer.count(b"HTTP/1.1 200 ") == MAX_WAITING + 1
    assert answer.count(b"HTTP/1.1 429 ") == 1
    assert answer.rindex(b"HTTP/1.1 429 ") > answer.rindex(b"HTTP/1.1 200 ")


def test_a_stream_of_requests_without_a_key_takes_no_memory(service: RunningService) -> None:
    def memory() -> int:
        return max(
            int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * 4096 for worker in service.workers()
        )

    most = memory() + (64 << 20)
    block = b"GET / HTTP/1.1\r\nHost:x\r\n\r\n" * 4000
    with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as client:
        client.setblocking(False)
        answered = True
        while answered and memory() < most:
            try:
                client.send(block)
                answered = client.recv(1 << 20) != b""
            except BlockingIOError:
                assert service.request("GET", "/v2/health/live").status == 200
            except (BrokenPipeError, ConnectionResetError):
                break
    assert memory() < most


def test_a_client_that_leaves_after_a_long_body_is_noticed() -> None:
    async def run() -> Served:
        served = Served(reads=True)
        async with connection(served) as (_, writer):
            body = b"a" * 200_000
            writer.write(b"POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await eventually(lambda: served.bodies)
        await eventually(lambda: served.left)
        return served

    assert asyncio.run(run()).left == 1


PATIENCE_OF_ITS = 0.2
MORE_THAN_THE_KERNEL_HOLDS = 32 << 20


@pytest.mark.parametrize("how", ["paused", "closed", "idle", "half closed"])
def test_a_client_that_reads_nothing_is_let_go(how: str) -> None:
    async def run() -> Served:
        served = Served(more=MORE_THAN_THE_KERNEL_HOLDS)
        async with connection(served, PATIENCE_OF_ITS, keep_alive_s=1) as (_, writer):
            close = b"Connection: close\r\n" if how == "closed" else b""
            writer.write(b"GET /one HTTP/1.1\r\nHost: x\r\n%b\r\n" % close)
            await eventually(lambda: served.bodies)
            if how != "paused":
                # As with an answer of which little is left to write: nobody is told that the writer waits.
                served.protocols[0].transport.set_write_buffer_limits(MORE_THAN_THE_KERNEL_HOLDS * 2)
            served.may_answer.set()
            if how == "half closed":
                await eventually(served.protocols[0].transport.get_write_buffer_size)
                writer.write_eof()
            await eventually(served.lost.is_set)
        return served

    asyncio.run(run())


class Taker:
    """A transport whose client takes some of it for a while."""

    def __init__(self, left: list[int]) -> None:
        self.left = left
        self.aborted = asyncio.Event()
        self.socket = socket.socket()

    def get_write_buffer_size(self) -> int:
        return self.left.pop(0)

    def get_extra_info(self, _name: str) -> socket.socket:
        return self.socket

    def abort(self) -> None:
        self.aborted.set()


def test_a_client_that_reads_slowly_is_waited_for() -> None:
    async def run() -> list[int]:
        taker = Taker([30, 20, 10, 10, 5])
        with closing(taker.socket):
            unread = Unread(asyncio.get_running_loop(), cast("asyncio.Transport", taker), 0.001)
            unread.watch()
            await asyncio.wait_for(taker.aborted.wait(), PATIENCE_S)
        return taker.left

    assert asyncio.run(run()) == [5]
