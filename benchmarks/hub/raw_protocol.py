"""A lean MQTT 3.1.1 client that can saturate a broker: two connections, no class per packet, no task per message.

A payload begins with the message's number and the time at which it was sent, so that order, duplicates
and latency are known of every message.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from dataclasses import dataclass
from struct import Struct
from typing import Any

from benchmarks.hub.topics import EVENTS
from edge_runtime.heads.mqtt.encoder import encode
from edge_runtime.heads.mqtt.packets import Connect, Subscribe

_START = Struct(">HQQ")
_STAMP = Struct(">QQ")
_ACKS = Struct(">HH")
STAMP_BYTES = _STAMP.size
_PROPERTIES = "%24.ct=application%2Foctet-stream&%24.ce=utf-8&kind=frame&camera=front&%24.mid="
"""With the output five properties, and a message id of sixteen digits: what a module of this project sends."""


class ConnectionLostError(Exception):
    """The broker closed the connection, or refused it."""


@dataclass(frozen=True, slots=True)
class Login:
    client_id: str
    username: str
    password: str


class Client(asyncio.Protocol):
    """`lost` is set with an exception when the broker ends the connection."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._partial = b""
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost.add_done_callback(lambda future: future.cancelled() or future.exception())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's promise for streams
        transport.set_write_buffer_limits(high=1 << 26)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_exception(ConnectionLostError(f"{self._login.client_id}: {exc or 'end of stream'}"))

    async def log_in(self) -> None:
        """Raises ConnectionLostError."""
        login = self._login
        self.transport.write(
            encode(Connect(login.client_id, username=login.username, password=login.password.encode()))
        )
        answer = await self._answer()
        if answer != b"\x20\2\0\0":
            raise ConnectionLostError(f"{login.client_id}: CONNACK {answer.hex()}")

    async def _answer(self) -> bytes:
        answer = asyncio.ensure_future(self._answers.get())
        either: list[asyncio.Future[Any]] = [answer, self.lost]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            await self.lost
        return answer.result()


class Sender(Client):
    """Keeps `in_flight` messages without PUBACK, or sends when told to.

    `sent` and `acknowledged` count messages. `limit` ends the sending; None for no end.
    """

    def __init__(
        self, login: Login, *, output: str, size: int, in_flight: int, limit: int | None = None
    ) -> None:
        super().__init__(login)
        self._filler = b"\xa5" * (size - STAMP_BYTES)
        self._in_flight = in_flight
        self._limit = limit
        self._running = False
        self.sent = self.acknowledged = 0
        topic = f"{EVENTS}%24.on={output}&{_PROPERTIES}".encode()
        named = len(topic) + 16
        self._head = b"\x32" + _length(2 + named + 2 + size) + named.to_bytes(2, "big") + topic

    def start(self) -> None:
        """Fill the window, and keep it full."""
        self._running = True
        self._fill()

    def stop(self) -> None:
        self._running = False

    def send(self, count: int) -> None:
        """Send that many now, whatever is in flight."""
        now, first = time.monotonic_ns(), self.sent
        chunks: list[bytes] = []
        for number in range(first, first + count):
            chunks += (
                self._head, b"%016x" % number, _START.pack(number % 65_535 + 1, number, now), self._filler
            )  # fmt: skip
        self.sent += count
        self.transport.write(b"".join(chunks))

    def _fill(self) -> None:
        room = self._in_flight - (self.sent - self.acknowledged)
        if self._limit is not None:
            room = min(room, self._limit - self.sent)
        if room > 0 and self._running:
            self.send(room)

    def data_received(self, data: bytes) -> None:
        data = self._partial + data
        whole = len(data) & ~3
        self._partial = data[whole:]
        if data[0] != 0x40:
            self._answers.put_nowait(data[:whole])
            return
        expected = self.acknowledged
        for head, packet_id in _ACKS.iter_unpack(data[:whole]):
            if head != 0x4002 or packet_id != expected % 65_535 + 1:
                self.lost.set_exception(ConnectionLostError(f"PUBACK {packet_id} for message {expected}"))
                return
            expected += 1
        self.acknowledged = expected
        self._fill()


class Receiver(Client):
    """Confirms each message. `received` counts them; `faults` those out of order, missing or doubled.

    `latencies` (nanoseconds) grows while `timing` is true.
    """

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._expected = 0
        self.received = self.faults = 0
        self.timing = False
        self.latencies = array("q")

    async def subscribe(self, topic_filter: str) -> None:
        """Raises ConnectionLostError."""
        self.transport.write(encode(Subscribe(1, [(topic_filter, 1)])))
        answer = await self._answer()
        if answer != b"\x90\3\0\1\1":
            raise ConnectionLostError(f"SUBACK {answer.hex()}")

    def data_received(self, data: bytes) -> None:
        if self._partial:
            data = self._partial + data
        position, end = 0, len(data)
        acks: list[bytes] = []
        now, expected = time.monotonic_ns(), self._expected
        while True:
            start, stop = _bounds(data, position, end)
            if not start or stop > end:
                break
            if data[position] & 0xF0 != 0x30:
                self._answers.put_nowait(data[position:stop])
            else:
                body = start + 2 + (data[start] << 8 | data[start + 1])
                acks.append(b"\x40\2" + data[body : body + 2])
                number, sent_at = _STAMP.unpack_from(data, body + 2)
                self.faults += number != expected
                expected = number + 1
                if self.timing:
                    self.latencies.append(now - sent_at)
            position = stop
        self._partial = data[position:]
        self._expected = expected
        if acks:
            self.received += len(acks)
            self.transport.write(b"".join(acks))


def _bounds(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Where the variable part of the packet at `position` starts (0: not known yet) and stops."""
    remaining = shift = 0
    for index in range(position + 1, min(end, position + 5)):
        byte = data[index]
        remaining |= (byte & 0x7F) << shift
        if byte < 0x80:
            return index + 1, index + 1 + remaining
        shift += 7
    return 0, 0


def _length(remaining: int) -> bytes:
    """MQTT's variable length."""
    digits = bytearray()
    while True:
        remaining, digit = divmod(remaining, 128)
        digits.append(digit | (0x80 if remaining else 0))
        if not remaining:
            return bytes(digits)
