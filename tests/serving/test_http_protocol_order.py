"""Whose answer comes when, and what a connection leaves behind: the protocol over real sockets, in this process."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from tests.patience import eventually
from tests.serving.wired import GET, HEADER_BYTES, Served, connection


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (b"no HTTP\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 101 + b"\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
        (b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET http://x:99999/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
    ],
    ids=["no HTTP", "too many fields", "a bad body of a request that waits", "no path", "no port"],
)
def test_a_refusal_waits_for_the_answers_before_it(second: bytes, status: bytes) -> None:
    async def run() -> bytes:
        served = Served()
        async with connection(served) as (reader, writer):
            writer.write(GET % b"one" + GET % b"two" + second)
            while not served.protocols or not served.protocols[0]._refused:
                await asyncio.sleep(0.001)
            served.may_answer.set()
            answer = await reader.read()
        assert (served.left, served.paths) == (0, ["/one", "/two"])
        return answer

    first, _, rest = asyncio.run(run()).partition(b"/one")
    middle, _, last = rest.partition(b"/two")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert middle.startswith(b"HTTP/1.1 200 ")
    assert last.startswith(b"HTTP/1.1 %b " % status)
    assert last.count(b"content-length") == 1


def test_a_target_without_a_path_is_answered_and_takes_no_other_s_answer() -> None:
    async def run() -> bytes:
        served = Served()
        served.may_answer.set()
        async with connection(served) as (reader, writer):
            writer.write(GET % b"one")
            answer = await reader.readuntil(b"/one")
            writer.write(b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n")
            return answer + await reader.read()

    first, _, second = asyncio.run(run()).partition(b"/one")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 400 ")


def test_a_body_s_bytes_do_not_count_as_the_next_head_s() -> None:
    async def run() -> bytes:
        served = Served()
        served.may_answer.set()
        post = b"POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (2 * HEADER_BYTES)
        async with connection(served) as (reader, writer):
            writer.write(post + b"a" * 2 * HEADER_BYTES + (GET % b"two")[:9])
            answer = await reader.readuntil(b"/one")
            writer.write((GET % b"two")[9:])
            return answer + await reader.readuntil(b"/two")

    assert asyncio.run(run()).count(b"HTTP/1.1 200 ") == 2


def test_a_connection_that_is_reset_leaves_no_timer() -> None:
    async def run() -> None:
        served = Served()
        served.may_answer.set()
        async with connection(served) as (reader, writer):
            writer.write(GET % b"one")
            await reader.readuntil(b"/one")
            (protocol,) = served.protocols
            while protocol.timeout_keep_alive_task is None:
                await asyncio.sleep(0.001)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()
            await served.lost.wait()
            assert protocol.timeout_keep_alive_task is None

    asyncio.run(run())


def test_the_rest_of_a_body_that_is_answered_has_a_deadline() -> None:
    async def run() -> None:
        served = Served()
        served.may_answer.set()
        async with connection(served, header_timeout_s=0.2) as (reader, writer):
            writer.write(b"POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            await reader.readuntil(b"/one")
            writer.write(b"a")
            assert await reader.read() == b""

    asyncio.run(run())


def test_a_running_request_whose_connection_is_lost_is_no_error_of_the_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> Served:
        served = Served()
        async with connection(served) as (_, writer):
            writer.write(GET % b"one" * 3)
            await eventually(lambda: served.protocols and served.protocols[0].pipeline)
            served.protocols[0].transport.abort()
            await eventually(lambda: served.left)
        return served

    assert asyncio.run(run()).paths == ["/one"]
    assert [record.getMessage() for record in caplog.records] == []


def test_a_head_that_waits_to_be_read_is_not_late() -> None:
    header_timeout_s = 0.1

    async def run() -> bytes:
        served = Served()
        async with connection(served, header_timeout_s) as (reader, writer):
            writer.write(GET % b"one" * 2 + (GET % b"two")[:9])
            await eventually(lambda: served.protocols and served.protocols[0].pipeline)
            writer.write((GET % b"two")[9:] + b"no HTTP\r\n\r\n")
            await asyncio.sleep(5 * header_timeout_s)
            served.may_answer.set()
            return await reader.read()

    answer = asyncio.run(run())
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert answer.count(b"HTTP/1.1 400 ") == 1
