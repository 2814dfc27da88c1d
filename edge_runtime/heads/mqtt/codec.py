"""MQTT 3.1.1 without I/O: bytes in, packets out. The encoder is in `encoder.py`.

A length is judged before a byte of it is kept, so that no peer makes the hub buffer more than `limit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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

MAX_REMAINING_LENGTH = 1024 * 1024
_LENGTH_BITS = 4 * 7


class Decoder:
    """Cuts a byte stream into packets.

    `limit` is the greatest remaining length accepted, in bytes; it may be changed between two packets.
    """

    __slots__ = ("_needed", "_partial", "limit")

    def __init__(self, limit: int = MAX_REMAINING_LENGTH) -> None:
        self.limit = limit
        self._partial = bytearray()
        self._needed = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Yield every packet that `data` completes, in order; what remains waits for the next call.

        A generator, so that packets before a malformed one are handled first, however the bytes were
        sliced: exhaust it before the next call. Raises ProtocolError, after which the decoder is of no
        more use.
        """
        if self._partial:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data = bytes(self._partial)
            self._partial.clear()
        position, end = 0, len(data)
        while position < end:
            start, remaining = self._header(data, position, end)
            stop = start + remaining
            if not start or stop > end:
                _check_first_byte(data[position])  # no need to wait for the rest of what is wrong already
                self._partial += data[position:]
                self._needed = stop - position if start else len(self._partial) + 1
                return
            first = data[position]
            position = stop
            if first & 0xF0 == 0x30:
                yield _publish(first, data, start, stop)
            elif first == 0x40 and remaining == 2:
                yield _puback(data, start)
            else:
                yield _parse(first, data[start:stop])

    def _header(self, data: bytes, position: int, end: int) -> tuple[int, int]:
        """Where the packet's variable part starts (0: not known yet) and its length."""
        if position + 1 == end:
            return 0, 0
        index = position + 2
        remaining = data[position + 1]
        shift = 7
        while remaining >> shift:  # the last byte so far says that one more follows
            if shift == _LENGTH_BITS:
                raise ProtocolError("bad_remaining_length", "the remaining length takes more than four bytes")
            if index == end:
                return 0, 0
            # That bit goes, and the byte's seven others come in its place.
            remaining += (data[index] - 1) << shift
            index += 1
            shift += 7
        if remaining > self.limit:
            raise ProtocolError("oversize", f"a packet of {remaining} bytes, {self.limit} are allowed")
        return index, remaining


def _publish(first: int, data: bytes, start: int, stop: int) -> Publish:
    qos = first >> 1 & 3
    if qos > 1:
        raise ProtocolError(f"qos_{qos}", f"PUBLISH with QoS {qos}; this hub offers 0 and 1")
    dup = first & 8 != 0
    if dup and not qos:
        raise ProtocolError("reserved_bits", "PUBLISH with DUP and QoS 0")
    body = start + 2
    if body > stop:
        raise ProtocolError("truncated", "PUBLISH ends before its topic")
    body += data[start] << 8 | data[start + 1]
    if body > stop:
        raise ProtocolError("truncated", "PUBLISH ends within its topic")
    topic = _utf8(data[start + 2 : body], "PUBLISH topic")
    if not topic or "+" in topic or "#" in topic:
        raise ProtocolError("bad_topic", "PUBLISH topic is empty or has a wildcard")
    packet_id = 0
    if qos:
        if body + 2 > stop:
            raise ProtocolError("truncated", "PUBLISH ends before its packet id")
        packet_id = data[body] << 8 | data[body + 1]
        if not packet_id:
            raise ProtocolError("bad_packet_id", "PUBLISH with packet id 0")
        body += 2
    return Publish(topic, data[body:stop], qos, packet_id, dup, first & 1 != 0)


def _puback(data: bytes, start: int) -> Puback:
    """One for every message that is delivered, so not by way of the parsers of rarer packets."""
    packet_id = data[start] << 8 | data[start + 1]
    if not packet_id:
        raise ProtocolError("bad_packet_id", "PUBACK with packet id 0")
    return Puback(packet_id)


def _utf8(raw: bytes, what: str) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ProtocolError("bad_utf8", f"{what} is not UTF-8") from None
    if "\0" in text:
        raise ProtocolError("bad_utf8", f"{what} has a NUL character")
    return text


class _Fields:
    """Reads one packet's fields from left to right."""

    __slots__ = ("data", "position", "what")

    def __init__(self, what: str, data: bytes) -> None:
        self.what = what
        self.data = data
        self.position = 0

    def __bool__(self) -> bool:
        return self.position < len(self.data)

    def take(self, size: int) -> bytes:
        stop = self.position + size
        if stop > len(self.data):
            raise ProtocolError("truncated", f"{self.what} ends within a field")
        taken = self.data[self.position : stop]
        self.position = stop
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def integer(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def binary(self) -> bytes:
        return self.take(self.integer())

    def text(self) -> str:
        return _utf8(self.binary(), f"{self.what} text")

    def packet_id(self) -> int:
        packet_id = self.integer()
        if not packet_id:
            raise ProtocolError("bad_packet_id", f"{self.what} with packet id 0")
        return packet_id


def _check_first_byte(first: int) -> None:
    kind, flags = first >> 4, first & 15
    if kind == 3:
        return
    if kind not in _PARSERS:
        reason = "qos_2" if kind in (5, 6, 7) else "bad_packet_type"
        raise ProtocolError(reason, f"packet type {kind}")
    name, expected_flags, _ = _PARSERS[kind]
    if flags != expected_flags:
        raise ProtocolError("reserved_bits", f"{name} with flags {flags:04b}")


def _parse(first: int, data: bytes) -> Packet:
    _check_first_byte(first)
    name, _, parser = _PARSERS[first >> 4]
    fields = _Fields(name, data)
    packet = parser(fields)
    if fields:
        raise ProtocolError("trailing_bytes", f"{name} has bytes after its last field")
    return packet


def _connect(fields: _Fields) -> Connect:
    name = fields.binary()
    if name != b"MQTT":
        raise ProtocolError("bad_protocol_name", f"protocol name {name[:16]!r}, MQTT expected")
    level = fields.byte()
    if level != 4:
        raise ProtocolError("bad_protocol_level", f"protocol level {level}, 4 (MQTT 3.1.1) expected")
    flags = fields.byte()
    has_will, will_qos, will_retain = flags & 4 != 0, flags >> 3 & 3, flags & 0x20 != 0
    has_username, has_password = flags & 0x80 != 0, flags & 0x40 != 0
    if (
        flags & 1
        or will_qos == 3
        or (not has_will and (will_qos or will_retain))
        or (has_password and not has_username)
    ):
        raise ProtocolError("bad_connect_flags", f"CONNECT flags {flags:08b}")
    keep_alive_s = fields.integer()
    client_id = fields.text()
    will = None
    if has_will:
        topic = _filter(fields.text(), wildcards=False)
        will = Will(topic, fields.binary(), will_qos, will_retain)
    username = fields.text() if has_username else None
    password = fields.binary() if has_password else None
    return Connect(client_id, flags & 2 != 0, keep_alive_s, username, password, will)


def _connack(fields: _Fields) -> Connack:
    flags = fields.byte()
    if flags > 1:
        raise ProtocolError("reserved_bits", f"CONNACK flags {flags:08b}")
    return Connack(flags == 1, fields.byte())


def _filter(text: str, *, wildcards: bool = True) -> str:
    """Check a topic filter: `+` and `#` fill whole levels, and `#` is the last (MQTT 4.7.1)."""
    if not text:
        raise ProtocolError("bad_filter", "an empty topic filter")
    if "+" not in text and "#" not in text:
        return text
    levels = text.split("/")
    for index, level in enumerate(levels):
        alone = level == "+" or (level == "#" and index == len(levels) - 1)
        if ("+" in level or "#" in level) and not (alone and wildcards):
            raise ProtocolError("bad_filter", f"wildcard within level {index + 1} of a topic filter")
    return text


def _subscribe(fields: _Fields) -> Subscribe:
    packet_id = fields.packet_id()
    filters = []
    while fields:
        text, qos = _filter(fields.text()), fields.byte()
        if qos > 2:
            raise ProtocolError(
                "qos_3" if qos == 3 else "reserved_bits", f"SUBSCRIBE asks for QoS byte {qos}"
            )
        filters.append((text, qos))
    if not filters:
        raise ProtocolError("truncated", "SUBSCRIBE without a topic filter")
    return Subscribe(packet_id, filters)


def _suback(fields: _Fields) -> Suback:
    packet_id = fields.packet_id()
    codes = list(fields.take(len(fields.data) - fields.position))
    if any(code > 2 and code != 0x80 for code in codes):
        raise ProtocolError("bad_return_code", f"SUBACK with codes {codes[:8]}")
    return Suback(packet_id, codes)


def _unsubscribe(fields: _Fields) -> Unsubscribe:
    packet_id = fields.packet_id()
    filters = []
    while fields:
        filters.append(_filter(fields.text()))
    if not filters:
        raise ProtocolError("truncated", "UNSUBSCRIBE without a topic filter")
    return Unsubscribe(packet_id, filters)


_PARSERS: dict[int, tuple[str, int, Callable[[_Fields], Packet]]] = {
    1: ("CONNECT", 0, _connect),
    2: ("CONNACK", 0, _connack),
    4: ("PUBACK", 0, lambda fields: Puback(fields.packet_id())),
    8: ("SUBSCRIBE", 2, _subscribe),
    9: ("SUBACK", 0, _suback),
    10: ("UNSUBSCRIBE", 2, _unsubscribe),
    11: ("UNSUBACK", 0, lambda fields: Unsuback(fields.packet_id())),
    12: ("PINGREQ", 0, lambda _: Pingreq()),
    13: ("PINGRESP", 0, lambda _: Pingresp()),
    14: ("DISCONNECT", 0, lambda _: Disconnect()),
}
