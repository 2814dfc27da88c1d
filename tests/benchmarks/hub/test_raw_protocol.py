"""The raw client's own judgement: order, duplicates and losses must not escape it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from benchmarks.hub.raw_protocol import STAMP_BYTES, ConnectionLostError, Login, Receiver, Sender
from edge_runtime.heads.mqtt.codec import Decoder
from edge_runtime.heads.mqtt.encoder import encode_puback, encode_publish
from edge_runtime.heads.mqtt.packets import Puback, Publish

LOGIN = Login("edge/sender", "hub/edge/sender/?api-version=1", "token")


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return


def published(number: int, packet_id: int = 1, size: int = 40) -> bytes:
    body = number.to_bytes(8, "big") + bytes(8) + bytes(size - STAMP_BYTES)
    return encode_publish(b"devices/edge/modules/receiver/inputs/in/x", body, 1, packet_id)


def connected(client: Any) -> tuple[Any, Wire]:
    wire = Wire()
    client.connection_made(wire)
    return client, wire


@pytest.mark.parametrize(
    ("numbers", "faults"),
    [((0, 1, 2), 0), ((0, 2, 1), 2), ((0, 0, 1), 1), ((0, 2, 3), 1), ((1, 2), 1)],
    ids=["in order", "swapped", "doubled", "one missing", "first missing"],
)
async def test_what_is_not_the_next_message_is_a_fault(numbers: tuple[int, ...], faults: int) -> None:
    receiver, _ = connected(Receiver(LOGIN))
    receiver.data_received(b"".join(published(number) for number in numbers))
    assert (receiver.received, receiver.faults) == (len(numbers), faults)


@pytest.mark.parametrize("size", [40, 200, 20_000])
@pytest.mark.parametrize("piece", [1, 7, 5000])
async def test_packets_are_found_however_they_are_cut(size: int, piece: int) -> None:
    receiver, wire = connected(Receiver(LOGIN))
    data = b"".join(published(number, number + 7, size) for number in range(4))
    for start in range(0, len(data), piece):
        receiver.data_received(data[start : start + piece])
    assert (receiver.received, receiver.faults) == (4, 0)
    assert list(Decoder().feed(wire.written)) == [Puback(7), Puback(8), Puback(9), Puback(10)]


async def test_the_window_is_kept_full_and_never_exceeded() -> None:
    sender, wire = connected(Sender(LOGIN, output="out", size=1024, in_flight=3, limit=5))
    sender.start()
    assert sender.sent == 3
    sender.data_received(encode_puback(1)[:3])
    assert sender.sent == 3
    sender.data_received(encode_puback(1)[3:] + encode_puback(2) + encode_puback(3))
    assert (sender.sent, sender.acknowledged) == (5, 3)
    packets = [packet for packet in Decoder().feed(wire.written) if isinstance(packet, Publish)]
    assert [packet.packet_id for packet in packets] == [1, 2, 3, 4, 5]
    assert [int.from_bytes(packet.payload[:8], "big") for packet in packets] == [0, 1, 2, 3, 4]
    assert {len(packet.payload) for packet in packets} == {1024}
    assert "%24.on=out&" in packets[0].topic
    assert packets[4].topic.endswith("%24.mid=0000000000000004")


async def test_an_acknowledgement_of_another_message_ends_the_measurement() -> None:
    sender, _ = connected(Sender(LOGIN, output="out", size=1024, in_flight=3))
    sender.start()
    sender.data_received(encode_puback(2))
    with pytest.raises(ConnectionLostError, match="PUBACK 2 for message 0"):
        await sender.lost


async def test_a_refused_connection_is_told() -> None:
    receiver, _ = connected(Receiver(LOGIN))
    login = asyncio.create_task(receiver.log_in())
    await asyncio.sleep(0)
    receiver.data_received(b"\x20\2\0\5")
    with pytest.raises(ConnectionLostError, match="CONNACK 20020005"):
        await login


async def test_a_closed_connection_is_told() -> None:
    receiver, _ = connected(Receiver(LOGIN))
    login = asyncio.create_task(receiver.log_in())
    await asyncio.sleep(0)
    receiver.connection_lost(None)
    with pytest.raises(ConnectionLostError, match="end of stream"):
        await login
