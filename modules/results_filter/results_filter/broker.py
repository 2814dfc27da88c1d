"""The address of a plain MQTT broker, from one URL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from module_kit.redaction import redact

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """`mqtt://USER:PASSWORD@HOST:PORT/TOPIC`; `mqtts` checks the broker's certificate."""

    host: str
    port: int
    topic: str
    tls: bool
    user: str | None = None
    password: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """`ValueError` says what is wrong; it never shows the password."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise ValueError(f"the port of {redact(url)} is not a number up to 65535") from None
        topic = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in _PORTS or not parts.hostname or not topic:
            raise ValueError(f"{redact(url)} is not mqtt://USER:PASSWORD@HOST:PORT/TOPIC")
        if any(character in topic for character in "+#\0"):
            raise ValueError(f"the topic {topic!r} has a wildcard")
        if parts.query or parts.fragment:
            raise ValueError(
                f"{redact(url)} has a query or a fragment; write # and ? in a topic as %23 and %3F"
            )
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            topic=topic,
            tls=parts.scheme == "mqtts",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )
