"""What goes out on one connection: collected, written once a turn of the loop, and confirmed by packet id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge_runtime.heads.mqtt.encoder import encode_publish

MAX_WAITING_BYTES = 1024 * 1024
_RESUME_BYTES = 256 * 1024
_MAX_PACKET_ID = 65_535


class OutOfPacketIdsError(Exception):
    """65,535 publishes wait for the client's PUBACK."""


class Outbox:
    """`drained` is called when the outbox is writable again after it was not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, drained: Callable[[], None]) -> None:
        self._loop = loop
        self._drained = drained
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._congested = False
        self._refused = False
        self._packet_id = 0
        self._unacked: dict[int, Callable[[], None] | None] = {}
        self._written: list[Callable[[], None]] = []

    def open(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=MAX_WAITING_BYTES, low=_RESUME_BYTES)
        self._transport = transport

    def close(self) -> None:
        """Write what is left and take no more. What is un-acked is the hub's to send again."""
        self.flush()
        self._transport = None
        self._unacked.clear()

    @property
    def writable(self) -> bool:
        """False while more than 1 MiB waits; `drained` follows then."""
        if self._congested or self._waiting > MAX_WAITING_BYTES:
            self._refused = True
            return False
        return True

    def congest(self) -> None:
        """The transport's buffer is full."""
        self._congested = True

    def relieve(self) -> None:
        """The transport's buffer has room again."""
        self._congested = False
        self._tell_drained()

    def send(self, data: bytes) -> None:
        """Write `data` at the end of this turn of the loop."""
        if self._transport is None:
            return
        if not self._chunks:
            self._loop.call_soon(self.flush)
        self._chunks.append(data)
        self._waiting += len(data)

    def publish(
        self,
        topic: bytes,
        payload: bytes,
        qos: int,
        *,
        dup: bool = False,
        acked: Callable[[], None] | None = None,
    ) -> None:
        """`acked` is called at the client's PUBACK (QoS 1), or once written (QoS 0)."""
        if self._transport is None:
            return
        if not qos:
            self.send(encode_publish(topic, payload, 0, 0))
            if acked is not None:
                self._written.append(acked)
            return
        packet_id = self._next_packet_id()
        self._unacked[packet_id] = acked
        self.send(encode_publish(topic, payload, 1, packet_id, dup=dup))

    def confirm(self, packet_id: int) -> bool:
        """The client's PUBACK; False when no publish of this connection bears the id."""
        try:
            acked = self._unacked.pop(packet_id)
        except KeyError:
            return False
        if acked is not None:
            acked()
        return True

    def flush(self) -> None:
        if self._transport is None or not self._chunks:
            return
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._waiting = 0
        self._transport.write(data)
        if self._written:
            written, self._written = self._written, []
            for acked in written:
                acked()
        self._tell_drained()

    def _tell_drained(self) -> None:
        if self._refused and not self._congested:
            self._refused = False
            self._drained()

    def _next_packet_id(self) -> int:
        if len(self._unacked) >= _MAX_PACKET_ID:
            raise OutOfPacketIdsError
        packet_id = self._packet_id % _MAX_PACKET_ID + 1
        while packet_id in self._unacked:
            packet_id = packet_id % _MAX_PACKET_ID + 1
        self._packet_id = packet_id
        return packet_id
