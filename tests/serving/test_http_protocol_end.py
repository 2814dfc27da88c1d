"""What a worker that ends does with its connections."""

from __future__ import annotations

import asyncio

from tests.patience import PATIENCE_S, eventually
from tests.serving.wired import GET, Served, connection


def test_a_request_that_was_on_its_way_when_the_worker_ended_is_answered() -> None:
    async def run() -> bytes:
        served = Served()
        served.may_answer.set()
        async with connection(served) as (reader, writer):
            await eventually(lambda: served.protocols)
            (protocol,) = served.protocols
            protocol.last_request_s = int(PATIENCE_S)
            protocol.shutdown()
            writer.write(GET % b"one")
            return await reader.read()

    answer = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer


def test_so_is_one_over_a_connection_that_was_kept() -> None:
    async def run() -> bytes:
        served = Served()
        served.may_answer.set()
        async with connection(served) as (reader, writer):
            writer.write(GET % b"one")
            await reader.readuntil(b"/one")
            (protocol,) = served.protocols
            protocol.last_request_s = int(PATIENCE_S)
            protocol.shutdown()
            writer.write(GET % b"two")
            return await reader.read()

    assert asyncio.run(run()).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_did_not_tell_the_end_does_not_end_the_connection_at_once() -> None:
    async def run() -> bytes:
        served = Served(may_end=asyncio.Event())
        served.may_answer.set()
        assert served.may_end is not None
        async with connection(served) as (reader, writer):
            writer.write(GET % b"one")
            answer = await reader.readuntil(b"\r\n\r\n")
            (protocol,) = served.protocols
            protocol.last_request_s = int(PATIENCE_S)
            protocol.shutdown()
            served.may_end.set()
            answer += await reader.readuntil(b"/one")
            writer.write(GET % b"two")
            return answer + await reader.read()

    first, _, second = asyncio.run(run()).partition(b"/one")
    assert b"connection: close" not in first
    assert second.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in second


def test_a_connection_without_a_request_is_closed_soon() -> None:
    async def run() -> None:
        served = Served()
        served.may_answer.set()
        async with connection(served) as (reader, writer):
            writer.write(GET % b"one")
            await reader.readuntil(b"/one")
            served.protocols[0].shutdown()
            assert await reader.read() == b""
        async with connection(served) as (reader, _):
            await eventually(lambda: len(served.protocols) > 1)
            served.protocols[1].shutdown()
            assert await reader.read() == b""

    asyncio.run(run())
