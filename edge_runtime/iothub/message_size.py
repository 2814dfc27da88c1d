"""The size of a message, on which IoT Hub's limits are."""

from __future__ import annotations

from collections.abc import Mapping


def counted_bytes(body: bytes, *sections: Mapping[str, str | None]) -> int:
    """Bytes of the body and of the properties' names and values."""
    return len(body) + sum(
        len(name.encode()) + len((value or "").encode())
        for properties in sections
        for name, value in properties.items()
    )
