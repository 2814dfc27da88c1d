"""MQTT clients that do nothing by themselves: every packet is sent and awaited by the test."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from edge_runtime.heads.mqtt.codec import Decoder
from edge_runtime.heads.mqtt.encoder import encode
from edge_runtime.heads.mqtt.packets import (
    Connack,
    Connect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
)
from tests.patience import PATIENCE_S

P = TypeVar("P", bound=Packet)


def connect_packet(client_id: str, **fields: Any) -> Connect:
    """A device's or module's CONNECT; `fields` differ from the usual ones."""
    defaults: dict[str, Any] = {
        "clean_session": False,
        "username": f"hub.net/{client_id}/?api-version=2021-04-12",
        "password": b"token",
    }
    return Connect(client_id, **(defaults | fields))


class PacketReader(abc.ABC):
    """Packets out of whatever carries their bytes."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._received: list[Packet] = []

    @abc.abstractmethod
    async def read(self) -> bytes:
        """Some bytes, none at the end."""

    async def receive(self) -> Packet | None:
        """The next packet, None when the server has closed the connection."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._received:
                data = await self.read()
                if not data:
                    return None
                self._received += self._decoder.feed(data)
            return self._received.pop(0)

    async def expect(self, kind: type[P]) -> P:
        packet = await self.receive()
        assert isinstance(packet, kind), packet
        return packet

    async def expect_closed(self) -> None:
        assert await self.receive() is None


class RawClient(PacketReader):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._reader = reader
        self.writer = writer

    @staticmethod
    @contextlib.asynccontextmanager
    async def open(address: str, context: ssl.SSLContext) -> AsyncIterator[RawClient]:
        reader, writer = await asyncio.open_connection(
            address, 8883, ssl=context, server_hostname="gateway.local"
        )
        try:
            yield RawClient(reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def send(self, *packets: Packet | bytes) -> None:
        data = [packet if isinstance(packet, bytes) else encode(packet) for packet in packets]
        self.writer.write(b"".join(data))

    async def read(self) -> bytes:
        try:
            return await self._reader.read(65_536)
        except ConnectionError:
            return b""

    async def ping(self) -> None:
        """The server has handled all that was sent before, and has nothing else to say."""
        self.send(Pingreq())
        await self.expect(Pingresp)

    async def log_in(self, client_id: str, *, code: int = 0, **fields: Any) -> Connack:
        self.send(connect_packet(client_id, **fields))
        connack = await self.expect(Connack)
        assert connack.code == code
        return connack

    async def subscribe(self, *filters: str, qos: int = 1) -> list[int]:
        self.send(Subscribe(1, [(text, qos) for text in filters]))
        return (await self.expect(Suback)).codes

    async def publish(self, topic: str, payload: bytes = b"", **fields: Any) -> None:
        """Publish with QoS 1 and wait for the PUBACK."""
        self.send(Publish(topic, payload, **({"qos": 1, "packet_id": 1} | fields)))
        assert await self.expect(Puback) == Puback(1)
