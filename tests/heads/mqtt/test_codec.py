"""The MQTT codec: round trips, any slicing of the bytes, and one error for everything malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.heads.mqtt.codec import MAX_REMAINING_LENGTH, Decoder
from edge_runtime.heads.mqtt.encoder import encode, encode_publish
from edge_runtime.heads.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    ProtocolError,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
topics = st.text(st.characters(codec="utf-8", exclude_characters="\0+#"), min_size=1, max_size=40)
filters = topics | st.sampled_from(["#", "+", "a/#", "+/b/+", "/+/#"])
packet_ids = st.integers(1, 65_535)
wills = st.builds(Will, topics, st.binary(max_size=40), st.integers(0, 2), st.booleans())
connects = st.builds(
    Connect, texts, st.booleans(), st.integers(0, 65_535), texts, st.none() | st.binary(), st.none() | wills
) | st.builds(Connect, texts, st.booleans())
packets: st.SearchStrategy[Packet] = st.one_of(
    connects,
    st.builds(Connack, st.booleans(), st.integers(0, 255)),
    st.builds(Publish, topics, st.binary(max_size=400), retain=st.booleans()),
    st.builds(Publish, topics, st.binary(max_size=400), st.just(1), packet_ids, st.booleans(), st.booleans()),
    st.builds(Puback, packet_ids),
    st.builds(Subscribe, packet_ids, st.lists(st.tuples(filters, st.integers(0, 2)), min_size=1, max_size=4)),
    st.builds(Suback, packet_ids, st.lists(st.sampled_from([0, 1, 2, 0x80]))),
    st.builds(Unsubscribe, packet_ids, st.lists(filters, min_size=1, max_size=4)),
    st.builds(Unsuback, packet_ids),
    st.sampled_from([Pingreq(), Pingresp(), Disconnect()]),
)


def decode(data: bytes) -> list[Packet]:
    return list(Decoder().feed(data))


@given(packets)
def test_decoding_inverts_encoding(packet: Packet) -> None:
    assert decode(encode(packet)) == [packet]


@given(st.lists(packets, max_size=6), st.lists(st.integers(0, 600)))
def test_any_slicing_gives_the_same_packets(sent: list[Packet], cuts: list[int]) -> None:
    data = b"".join(map(encode, sent))
    decoder, received, position = Decoder(), list[Packet](), 0
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        received += decoder.feed(data[position:cut])
        position = cut
    assert received == sent


@given(st.lists(packets, max_size=3), st.binary(max_size=60), st.integers(0, 400), st.integers(0, 255))
def test_random_and_damaged_bytes_raise_nothing_but_protocol_errors(
    sent: list[Packet], noise: bytes, index: int, byte: int
) -> None:
    damaged = bytearray(b"".join(map(encode, sent)) + noise)
    if damaged:
        damaged[index % len(damaged)] = byte
    try:
        survivors = decode(bytes(damaged))
    except ProtocolError:
        return
    assert decode(b"".join(map(encode, survivors))) == survivors


def frame(first: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes((first, len(body))) + body


def connect(flags: int, fields: bytes = b"\0\0", name: bytes = b"\0\4MQTT", level: int = 4) -> bytes:
    return frame(0x10, name + bytes((level, flags, 0, 60)) + fields)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "bad_remaining_length"),
        (b"\x30\xff\xff\xff\xff", "bad_remaining_length"),  # known before the fifth byte arrives
        (b"\x30\xff\xff\xff\x7f", "oversize"),  # 268,435,455, the greatest length that MQTT has
        (b"\x30\x81\x80\x40", "oversize"),  # 1 MiB and one byte
        (b"\x00\x00", "bad_packet_type"),
        (b"\xf0\x00", "bad_packet_type"),
        (b"\x50\x02\x00\x01", "qos_2"),  # PUBREC
        (frame(0x34, b"\0\1a\0\1"), "qos_2"),
        (frame(0x36, b"\0\1a\0\1"), "qos_3"),
        (frame(0x38, b"\0\1a"), "reserved_bits"),  # DUP with QoS 0
        (frame(0x32, b"\0\1a\0\0"), "bad_packet_id"),
        (frame(0x32, b"\0\1a\0"), "truncated"),
        (frame(0x30, b"\0\5a"), "truncated"),
        (frame(0x30, b"\0"), "truncated"),
        (frame(0x30, b"\0\0"), "bad_topic"),
        (frame(0x30, b"\0\3a/+"), "bad_topic"),
        (frame(0x30, b"\0\3a/#"), "bad_topic"),
        (frame(0x30, b"\0\2a\0"), "bad_utf8"),
        (frame(0x30, b"\0\2\xc3\x28"), "bad_utf8"),
        (frame(0x30, b"\0\3\xed\xa0\x80"), "bad_utf8"),  # a surrogate
        (connect(0, name=b"\0\6MQIsdp"), "bad_protocol_name"),
        (connect(0, name=b"\0\4mqtt"), "bad_protocol_name"),
        (connect(0, level=3), "bad_protocol_level"),
        (connect(0, level=5), "bad_protocol_level"),
        (connect(1), "bad_connect_flags"),  # reserved
        (connect(0x40), "bad_connect_flags"),  # a password without a user name
        (connect(0x08), "bad_connect_flags"),  # will QoS without a will
        (connect(0x20), "bad_connect_flags"),  # will retain without a will
        (connect(0x1C), "bad_connect_flags"),  # will QoS 3
        (connect(0x80), "truncated"),  # the user name is missing
        (connect(0, b"\0\0x"), "trailing_bytes"),
        (connect(0, b"\0\1\0"), "bad_utf8"),
        (frame(0x11, b""), "reserved_bits"),
        (frame(0x80, b"\0\1\0\1a\0"), "reserved_bits"),  # SUBSCRIBE needs 0010
        (frame(0x82, b"\0\0\0\1a\0"), "bad_packet_id"),
        (frame(0x82, b"\0\1"), "truncated"),  # no filter
        (frame(0x82, b"\0\1\0\1a"), "truncated"),  # no QoS
        (frame(0x82, b"\0\1\0\1a\3"), "qos_3"),
        (frame(0x82, b"\0\1\0\1a\4"), "reserved_bits"),
        (frame(0x82, b"\0\1\0\0\0"), "bad_filter"),
        (frame(0x82, b"\0\1\0\2a#\0"), "bad_filter"),
        (frame(0x82, b"\0\1\0\3#/a\0"), "bad_filter"),
        (frame(0x82, b"\0\1\0\2+a\0"), "bad_filter"),
        (frame(0xA2, b"\0\1"), "truncated"),
        (frame(0x40, b"\0\0"), "bad_packet_id"),
        (frame(0x40, b"\0\1\0"), "trailing_bytes"),
        (frame(0x41, b"\0\1"), "reserved_bits"),
        (frame(0xC0, b"\0"), "trailing_bytes"),
        (frame(0xC1, b""), "reserved_bits"),
        (frame(0x20, b"\2\0"), "reserved_bits"),
        (frame(0x90, b"\0\1\3"), "bad_return_code"),
    ],
)
def test_malformed(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError) as error:
        decode(data)
    assert error.value.reason == reason


def test_packets_before_a_malformed_one_are_handed_out() -> None:
    decoded = Decoder().feed(encode(Puback(7)) + b"\x00\x00")
    assert next(decoded) == Puback(7)
    with pytest.raises(ProtocolError):
        next(decoded)


def test_a_packet_of_the_greatest_size_passes_byte_slices_of_it_included() -> None:
    topic = "t" * 65_535
    payload = bytes(MAX_REMAINING_LENGTH - 2 - len(topic))
    data = encode(Publish(topic, payload))
    decoder = Decoder()
    slices = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    assert [packet for piece in slices for packet in decoder.feed(piece)] == [Publish(topic, payload)]


@pytest.mark.parametrize(
    ("remaining", "length"),
    [(127, "7f"), (128, "8001"), (255, "ff01"), (16_383, "ff7f"), (16_384, "808001"), (1 << 20, "808040")],
)
def test_a_length_takes_one_byte_for_each_seven_bits(remaining: int, length: str) -> None:
    packet = Publish("t", bytes(remaining - 3))
    data = encode(packet)
    assert data[1:].startswith(bytes.fromhex(length + "000174"))
    assert decode(data) == [packet]


def test_a_lowered_limit_holds_from_the_next_packet_on() -> None:
    decoder = Decoder(limit=2)
    assert list(decoder.feed(encode(Puback(1)))) == [Puback(1)]
    with pytest.raises(ProtocolError, match="oversize"):
        list(decoder.feed(b"\x30\x03"))


def test_the_encoder_refuses_what_a_length_field_cannot_hold() -> None:
    with pytest.raises(ValueError, match="65535"):
        encode_publish(bytes(65_536), b"", 0, 0)
