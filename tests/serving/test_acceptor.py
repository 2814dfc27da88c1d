"""Who waits and who goes when all places are taken: the acceptor and the protocol over real sockets."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from prometheus_client import REGISTRY

from serving.connections import SPARE_S, TURN_S, Connections
from tests.patience import eventually
from tests.serving.wired import GET, Served, crowded


@dataclass
class Clock:
    """Stands still until it is set."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def made_room(reason: str) -> float:
    return REGISTRY.get_sample_value("serving_connections_made_room_total", {"reason": reason}) or 0.0


def test_who_comes_when_all_places_are_taken_waits_until_one_is_free() -> None:
    async def run() -> None:
        served, places = Served(), Connections(2, Clock())
        async with crowded(served, places) as crowd:
            clients = [await crowd.client() for _ in range(3)]
            for number, (_, writer) in enumerate(clients[:2]):
                writer.write(GET % b"%d" % number)
            await served.begun(2)
            (first, writer), _, (third, waits) = clients
            waits.write(GET % b"third")
            assert places.full
            served.may_answer.set()
            answer = await first.readuntil(b"/0")
            assert b"connection: close" not in answer  # it has had no turn yet
            assert served.paths == ["/0", "/1"]
            writer.close()
            assert b"connection: close" not in await third.readuntil(b"/third")

    asyncio.run(run())


def test_who_has_had_a_turn_goes_with_its_answer_when_somebody_waits() -> None:
    async def run() -> None:
        served, clock = Served(), Clock()
        before = made_room("turn")
        async with crowded(served, Connections(1, clock)) as crowd:
            (first, writer), served.may_answer = await crowd.client(), asyncio.Event()
            writer.write(GET % b"one")
            await served.begun(1)
            clock.now = TURN_S
            served.let_one_answer()
            assert b"connection: close" not in await first.readuntil(b"/one")  # nobody waits
            writer.write(GET % b"two")
            await served.begun(2)
            second, waits = await crowd.client()
            waits.write(GET % b"three")
            served.let_one_answer()
            assert b"connection: close" in await first.read()
            await served.begun(3)
            served.let_one_answer()
            assert b"connection: close" not in await second.readuntil(b"/three")
        assert made_room("turn") == before + 1

    asyncio.run(run())


def test_who_is_refused_goes_at_once_when_somebody_waits() -> None:
    async def run() -> None:
        served, before = Served(status=429), made_room("refused")
        async with crowded(served, Connections(1, Clock())) as crowd:
            first, writer = await crowd.client()
            for name in (b"one", b"two"):
                writer.write(GET % name)
                await served.begun(1 if name == b"one" else 2)
                if name == b"two":
                    second, waits = await crowd.client()
                    waits.write(GET % b"three")
                served.let_one_answer()
                answer = await first.readuntil(b"/" + name)
                assert (b"connection: close" in answer) == (name == b"two")
            assert await first.read() == b""
            await served.begun(3)
            served.let_one_answer()
            await second.readuntil(b"/three")
        assert made_room("refused") == before + 1

    asyncio.run(run())


def test_no_answer_ends_a_connection_that_has_more_to_say() -> None:
    async def run() -> None:
        served = Served(status=429)
        async with crowded(served, Connections(1, Clock())) as crowd:
            first, writer = await crowd.client()
            writer.write(GET % b"one" + GET % b"two")
            await eventually(lambda: served.protocols and served.protocols[0].pipeline)
            await crowd.client()
            served.let_one_answer()
            assert b"connection: close" not in await first.readuntil(b"/one")
            await served.begun(2)
            writer.write((GET % b"three")[:9])
            await eventually(lambda: served.protocols[0]._in_head)
            served.let_one_answer()
            assert b"connection: close" not in await first.readuntil(b"/two")
            writer.write((GET % b"three")[9:])
            await served.begun(3)
            served.let_one_answer()
            assert b"connection: close" in await first.read()

    asyncio.run(run())


def test_who_is_idle_for_the_longest_goes_when_somebody_waits() -> None:
    async def run() -> None:
        served, clock = Served(), Clock()
        served.may_answer.set()
        before = made_room("idle")
        async with crowded(served, Connections(2, clock)) as crowd:
            (first, writer), (second, other) = await crowd.client(), await crowd.client()
            await eventually(lambda: len(served.protocols) == 2)
            other.write(GET % b"second")
            await second.readuntil(b"/second")
            clock.now = SPARE_S / 2
            writer.write(GET % b"first")
            await first.readuntil(b"/first")
            third, waits = await crowd.client()
            waits.write(GET % b"third")
            clock.now = SPARE_S
            assert await second.read() == b""
            await third.readuntil(b"/third")
            writer.write(GET % b"first")
            await first.readuntil(b"/first")
        assert made_room("idle") == before + 1

    asyncio.run(run())


def test_who_sends_a_head_too_slowly_is_told_to_go_when_somebody_waits() -> None:
    async def run() -> None:
        served, clock = Served(), Clock()
        served.may_answer.set()
        before = made_room("slow_head")
        async with crowded(served, Connections(1, clock)) as crowd:
            first, writer = await crowd.client()
            writer.write((GET % b"one")[:9])
            await eventually(lambda: served.protocols and served.protocols[0]._in_head)
            second, waits = await crowd.client()
            waits.write(GET % b"two")
            clock.now = SPARE_S
            assert (await first.read()).startswith(b"HTTP/1.1 408 ")
            await second.readuntil(b"/two")
        assert made_room("slow_head") == before + 1

    asyncio.run(run())


def test_who_does_not_end_a_body_that_is_answered_goes_when_somebody_waits() -> None:
    async def run() -> None:
        served, clock = Served(), Clock()
        served.may_answer.set()
        before = made_room("unfinished_body")
        async with crowded(served, Connections(1, clock)) as crowd:
            first, writer = await crowd.client()
            writer.write(b"POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            await first.readuntil(b"/one")
            second, waits = await crowd.client()
            waits.write(GET % b"two")
            clock.now = SPARE_S
            assert await first.read() == b""
            await second.readuntil(b"/two")
        assert made_room("unfinished_body") == before + 1

    asyncio.run(run())


def test_a_request_that_has_come_unread_keeps_its_connection() -> None:
    async def run() -> None:
        served = Served()
        served.may_answer.set()
        async with crowded(served, Connections(1, Clock())) as crowd:
            first, writer = await crowd.client()
            await eventually(lambda: served.protocols)
            writer.write(GET % b"one")  # over loopback it is there at once
            assert served.protocols[0].give_way() is None
            await first.readuntil(b"/one")

    asyncio.run(run())


def test_a_worker_that_is_full_leaves_connections_to_the_other() -> None:
    async def run() -> None:
        served = Served()
        first, second = Connections(1, Clock()), Connections(1, Clock())
        async with crowded(served, first, second) as crowd:
            # Both are there before either worker looks.
            with (
                socket.create_connection(crowd.address) as one,
                socket.create_connection(crowd.address) as two,
            ):
                for client in (one, two):
                    client.sendall(GET % b"x")
                await served.begun(2)
                assert (first.open, second.open) == (1, 1)
                served.may_answer.set()

    asyncio.run(run())


def test_all_that_wait_are_taken_at_the_end() -> None:
    async def run() -> None:
        served = Served()
        async with crowded(served, Connections(1, Clock())) as crowd:
            clients = [await crowd.client() for _ in range(5)]
            for number, (_, writer) in enumerate(clients):
                writer.write(GET % b"%d" % number)
            await served.begun(1)
            assert len(served.protocols) == 1
            await crowd.end()
            served.may_answer.set()
            answers = [await reader.readuntil(b"\r\n\r\n/%d" % n) for n, (reader, _) in enumerate(clients)]
        assert sum(b"connection: close" in answer for answer in answers) == 4

    asyncio.run(run())


def test_a_head_that_has_just_begun_is_not_slow() -> None:
    async def run() -> None:
        served, clock = Served(), Clock()
        served.may_answer.set()
        async with crowded(served, Connections(1, clock)) as crowd:
            kept, writer = await crowd.client()
            await eventually(lambda: served.protocols)
            clock.now = 10 * SPARE_S  # idle until now
            writer.write(b"GET /late")
            (protocol,) = served.protocols
            await eventually(lambda: protocol._in_head)
            _, waits = await crowd.client()
            waits.write(GET % b"other")
            protocol.places.make_room()
            writer.write(b"r HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await kept.readuntil(b"/later")).startswith(b"HTTP/1.1 200 ")

    asyncio.run(run())


def test_a_worker_that_stops_leaves_those_who_come_to_the_others() -> None:
    async def run() -> None:
        served = Served()
        stopped, other = Connections(1), Connections(1)
        async with crowded(served, stopped, other) as crowd:
            crowd.acceptors[0].stop()
            clients = [await crowd.client() for _ in range(2)]
            for _, writer in clients:
                writer.write(GET % b"x")
            await served.begun(1)
            served.may_answer.set()
            for reader, writer in clients:
                await reader.readuntil(b"/x")
                writer.close()
            assert stopped.open == 0

    asyncio.run(run())
