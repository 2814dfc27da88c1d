"""How connections end: with their worker, and with an answer that says so."""

from __future__ import annotations

import asyncio

from serving.http_flow import unread_bytes
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


def test_a_head_that_has_begun_when_the_last_answer_goes_keeps_no_connection() -> None:
    async def run() -> bytes:
        served = Served()
        async with connection(served, header_timeout_s=0.2) as (reader, writer):
            writer.write(GET % b"one" + b"GET /tw")
            await served.begun(1)
            (protocol,) = served.protocols
            protocol.flow.pause_reading()
            writer.write(b"o")
            await eventually(lambda: unread_bytes(protocol.transport) > 0)
            protocol.shutdown()
            served.may_answer.set()
            answer = await reader.read()
            await served.lost.wait()
            return answer

    assert asyncio.run(run()).endswith(b"/one")


def all_answers(
    request: bytes, *, status: int = 200, eof: bool = False, header_timeout_s: float = PATIENCE_S
) -> bytes:
    """What comes until the end of the connection, over which the client says no more."""

    async def run() -> bytes:
        served = Served(status=status)
        served.may_answer.set()
        async with connection(served, header_timeout_s) as (reader, writer):
            writer.write(request)
            await writer.drain()
            if eof:
                writer.write_eof()
            answers = await reader.read()
            if header_timeout_s < PATIENCE_S:
                await served.lost.wait()
            return answers

    return asyncio.run(run())


def test_an_answer_without_a_body_comes_before_the_refusal_of_what_follows() -> None:
    answers = all_answers(b"HEAD /one HTTP/1.1\r\nHost: x\r\n\r\nno HTTP\r\n\r\n")
    first, refusal = answers.split(b"\r\n\r\n", 1)
    assert first.startswith(b"HTTP/1.1 200 ")
    assert refusal.startswith(b"HTTP/1.1 400 ")


def test_an_answer_that_ends_the_connection_reaches_who_still_sends() -> None:
    """More than the kernel takes: to close over what nobody has read would reset it, and the answer be lost."""
    body = b"x" * (16 << 20)
    head = b"POST /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = all_answers(head + body, status=429)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert answer.endswith(b"/one")


def test_who_still_sends_then_is_waited_for_no_longer_than_a_head() -> None:
    half = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf"
    assert all_answers(half, status=429, header_timeout_s=0.2).startswith(b"HTTP/1.1 429 ")


def test_who_says_no_more_gets_an_answer_without_a_body_too() -> None:
    head = b"HEAD /one HTTP/1.1\r\nHost: x\r\n\r\n"
    assert all_answers(head, eof=True).startswith(b"HTTP/1.1 200 ")
