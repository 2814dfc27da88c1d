"""The property bag: a message's properties as text at the end of a topic (spec B.3, B.4).

`name=value&name=value`, both sides percent-encoded. Traps: `+` is a plus, never a blank; a name without
`=` or with an empty value means null; decoding stops at the next `/`; an unescaped `/` or `=` truncates in
the Python SDK, so everything but letters, digits and `-_.~` is escaped on the way out.

Encoding and decoding is the greater part of the hub's work for a message (hub-performance, "What
dominates"), hence the memo of values: most of a stream's values repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from edge_runtime.hub.message import Message, Properties

# On the wire -> inside the hub (spec B.3).
SYSTEM_NAMES = {
    "$.exp": "absolute-expiry-time",
    "$.cid": "cid",
    "$.mid": "messageId",
    "$.to": "to",
    "$.uid": "userId",
    "ack": "ack",
    "$.on": "outputName",
    "$.ct": "contentType",
    "$.ce": "contentEncoding",
    "$.schema": "messageSchema",
    "iothub-operation": "operation",
    "$.ctime": "creationTime",
    "$.ifid": "iothub-interface-id",
    "$.sub": "dt-subject",
}
# Only the hub may say who sent a message: names with which a client could speak for another.
RESERVED_NAMES = frozenset(
    {
        "$.cdid",
        "$.cmid",
        "iothub-connection-device-id",
        "iothub-connection-module-id",
        "iothub-connection-auth-method",
        "iothub-connection-auth-generation-id",
        "iothub-enqueuedtime",
        "iothub-message-source",
    }
)
_NOT_FORWARDED = frozenset({"outputName", "iothub-interface-id"})
_MEMO_VALUES = 4096
_MEMO_LENGTH = 256

_system_name = {
    spelling: inside
    for wire, inside in SYSTEM_NAMES.items()
    for spelling in (wire, quote(wire, safe=""))  # as Node writes it, as Python does
}.get
_outgoing = {
    inside: quote(wire, safe="") + "="
    for wire, inside in SYSTEM_NAMES.items()
    if inside not in _NOT_FORWARDED
}.get
_unreserved = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch


class PropertyBagError(ValueError):
    """More than one `=` in a pair: edgeHub drops such a message but acknowledges it (spec B.3)."""


class Bag(NamedTuple):
    """`refused` names fields that were left out: reserved, or given before under the same name."""

    app: dict[str, str | None]
    sys: dict[str, str | None]
    refused: list[str]


def decode_bag(text: str) -> Bag:
    """Decode a bag; of a name given twice the last value counts. Raises PropertyBagError.

    >>> decode_bag("%24.mid=7&colour=light%20blue&empty=")
    Bag(app={'colour': 'light blue', 'empty': None}, sys={'messageId': '7'}, refused=[])
    """
    app: dict[str, str | None] = {}
    system: dict[str, str | None] = {}
    refused: list[str] = []
    pairs = text.split("&") if text else ()
    blanks = 0
    for pair in pairs:
        if not pair:
            blanks += 1
            continue
        name, _, value = pair.partition("=")
        if "=" in value:
            raise PropertyBagError(f"property {unescape(name)!r} has more than one '=' in {pair[:80]!r}")
        decoded = (unescape(value) if "%" in value else value) or None
        inside = _system_name(name)
        if inside is None and "%" in name:
            name = unescape(name)
            inside = SYSTEM_NAMES.get(name)
        if inside is not None:
            system[inside] = decoded
        elif name in RESERVED_NAMES:
            refused.append(name)
        else:
            app[name] = decoded
    if len(app) + len(system) + len(refused) + blanks != len(pairs):
        refused += _repeated(pairs)
    return Bag(app, system, refused)


def _repeated(pairs: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    repeated = []
    for name in (unescape(pair.partition("=")[0]) for pair in pairs if pair):
        if name in seen and name not in RESERVED_NAMES:
            repeated.append(name)
        seen.add(name)
    return repeated


def encode_bag(message: Message, *, origin: bool = True) -> str:
    """The bag that a receiver sees: the sender's properties and `$.cdid`, `$.cmid` of who sent it.

    For a twin change notification these are the reporter's ids (spec B.4). Without `origin` they are left out.
    """
    parts = [
        f"{escape(name)}={escape(value)}" if value is not None else escape(name)
        for name, value in message.app.items()
    ]
    for name, value in message.sys.items():
        known = _outgoing(name)
        if known is not None:
            parts.append(known + escape(value) if value is not None else known[:-1])
    sender = message.sender
    if origin:
        parts.append(_origin_memo(*(_reporter(message.sys) or (sender.device, sender.module))))
    return "&".join(parts)


def _reporter(system: Properties) -> tuple[str, str | None] | None:
    device = system.get("rpSenderDeviceId")
    return None if device is None else (device, system.get("rpSenderModuleId"))


def bag_size(app: Properties, system: Properties) -> int:
    """Bytes of all names and values, as the limit on a message's size counts them (spec B.5)."""
    return sum(
        len(name.encode()) + len((value or "").encode())
        for properties in (app, system)
        for name, value in properties.items()
    )


def escape(text: str) -> str:
    """As .NET's `Uri.EscapeDataString`: all but letters, digits and `-_.~` of ASCII."""
    if (text.isalnum() and text.isascii()) or _unreserved(text):
        return text
    return _escape_memo(text) if len(text) <= _MEMO_LENGTH else quote(text, safe="")


def unescape(text: str) -> str:
    """Percent-decode; what is not an escape, or not UTF-8 when decoded, stays as it was written."""
    return _unescape_memo(text) if len(text) <= _MEMO_LENGTH else _unescape(text)


def _unescape(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


@lru_cache(_MEMO_VALUES)
def _escape_memo(text: str) -> str:
    return quote(text, safe="")


@lru_cache(_MEMO_VALUES)
def _origin_memo(device: str, module: str | None) -> str:
    origin = "%24.cdid=" + escape(device)
    return origin if module is None else f"{origin}&%24.cmid={escape(module)}"


_unescape_memo = lru_cache(_MEMO_VALUES)(_unescape)
