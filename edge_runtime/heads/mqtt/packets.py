"""MQTT 3.1.1 control packets as values, and the one error of the codec.

QoS 2 is not offered (spec B.5), so its four packets do not exist here.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class ProtocolError(Exception):
    """The peer broke MQTT 3.1.1; the connection cannot go on.

    `reason` is one of a fixed set of words, fit for a counter's label: `bad_remaining_length`, `oversize`,
    `reserved_bits`, `bad_packet_type`, `truncated`, `trailing_bytes`, `bad_utf8`, `bad_packet_id`, `qos_2`,
    `qos_3`, `bad_topic`, `bad_filter`, `bad_protocol_name`, `bad_protocol_level`, `bad_connect_flags`,
    `bad_return_code`, `unexpected_packet`. `detail` says what was found, without secrets.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class Will:
    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(slots=True)
class Connect:
    """`keep_alive_s` 0 means none. `username` and `password` are None when absent."""

    client_id: str
    clean_session: bool = True
    keep_alive_s: int = 0
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)
    will: Will | None = None


@dataclass(slots=True)
class Connack:
    session_present: bool
    code: int


@dataclass(slots=True)
class Publish:
    """`packet_id` is 0 exactly when `qos` is 0."""

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    dup: bool = False
    retain: bool = False


@dataclass(slots=True)
class Puback:
    packet_id: int


@dataclass(slots=True)
class Subscribe:
    """`filters` are (topic filter, requested QoS 0..2), at least one."""

    packet_id: int
    filters: list[tuple[str, int]]


@dataclass(slots=True)
class Suback:
    """`codes` are the granted QoS, or 0x80 for a refusal, one a filter."""

    packet_id: int
    codes: list[int]


@dataclass(slots=True)
class Unsubscribe:
    packet_id: int
    filters: list[str]


@dataclass(slots=True)
class Unsuback:
    packet_id: int


@dataclass(slots=True)
class Pingreq:
    pass


@dataclass(slots=True)
class Pingresp:
    pass


@dataclass(slots=True)
class Disconnect:
    pass


Packet = (
    Connect
    | Connack
    | Publish
    | Puback
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
)
