"""MQTT 3.1.1 packets to bytes; the inverse of `codec.Decoder`."""

from __future__ import annotations

from struct import Struct
from typing import assert_never

from edge_runtime.heads.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)

MAX_TEXT_BYTES = 65_535
_ACK = Struct(">BBH").pack


def encode(packet: Packet) -> bytes:  # noqa: C901, PLR0911 - one branch a packet
    """Raises ValueError for what MQTT cannot carry: a text above 65,535 bytes."""
    match packet:
        case Publish():
            return encode_publish(
                packet.topic.encode(),
                packet.payload,
                packet.qos,
                packet.packet_id,
                dup=packet.dup,
                retain=packet.retain,
            )
        case Puback(packet_id):
            return encode_puback(packet_id)
        case Connack(session_present, code):
            return bytes((0x20, 2, session_present, code))
        case Suback(packet_id, codes):
            return _frame(0x90, packet_id.to_bytes(2, "big") + bytes(codes))
        case Unsuback(packet_id):
            return _ACK(0xB0, 2, packet_id)
        case Subscribe(packet_id, filters):
            body = b"".join(_binary(text.encode()) + bytes((qos,)) for text, qos in filters)
            return _frame(0x82, packet_id.to_bytes(2, "big") + body)
        case Unsubscribe(packet_id, names):
            body = b"".join(_binary(text.encode()) for text in names)
            return _frame(0xA2, packet_id.to_bytes(2, "big") + body)
        case Pingreq():
            return b"\xc0\0"
        case Pingresp():
            return b"\xd0\0"
        case Disconnect():
            return b"\xe0\0"
        case Connect():
            return _connect(packet)
        case _:
            assert_never(packet)


def encode_puback(packet_id: int) -> bytes:
    return _ACK(0x40, 2, packet_id)


def encode_publish(
    topic: bytes, payload: bytes, qos: int, packet_id: int, *, dup: bool = False, retain: bool = False
) -> bytes:
    """`topic` is UTF-8; `packet_id` is not written for QoS 0."""
    first = 0x30 | dup << 3 | qos << 1 | retain
    head = _binary(topic)
    if qos:
        head += packet_id.to_bytes(2, "big")
    return _header(first, len(head) + len(payload)) + head + payload


def _connect(packet: Connect) -> bytes:
    flags = packet.clean_session << 1
    fields = [_binary(packet.client_id.encode())]
    if packet.will is not None:
        flags |= 4 | packet.will.qos << 3 | packet.will.retain << 5
        fields += [_binary(packet.will.topic.encode()), _binary(packet.will.payload)]
    if packet.username is not None:
        flags |= 0x80
        fields.append(_binary(packet.username.encode()))
    if packet.password is not None:
        flags |= 0x40
        fields.append(_binary(packet.password))
    start = b"\0\4MQTT\4" + bytes((flags,)) + packet.keep_alive_s.to_bytes(2, "big")
    return _frame(0x10, start + b"".join(fields))


def _binary(raw: bytes) -> bytes:
    if len(raw) > MAX_TEXT_BYTES:
        raise ValueError(f"a field of {len(raw)} bytes; MQTT carries at most {MAX_TEXT_BYTES}")
    return len(raw).to_bytes(2, "big") + raw


def _frame(first: int, body: bytes) -> bytes:
    return _header(first, len(body)) + body


def _header(first: int, remaining: int) -> bytes:
    if remaining < 0x80:
        return bytes((first, remaining))
    if remaining < 0x4000:  # most messages
        return bytes((first, remaining & 0x7F | 0x80, remaining >> 7))
    header = bytearray((first,))
    while remaining >= 0x80:
        header.append(remaining & 0x7F | 0x80)
        remaining >>= 7
    header.append(remaining)
    return bytes(header)
