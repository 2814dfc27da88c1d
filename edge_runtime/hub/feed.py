"""What happens in the hub, told to whoever watches. Costs nothing while nobody does."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

MAX_WAITING = 32_768
_MAX_WAITING_BYTES = 16 * 1024 * 1024
# What one write takes: the transport keeps another copy until the reader has it.
_MAX_JOINED_BYTES = 256 * 1024
# Made once: `json.dumps` with arguments builds an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Subscriber:
    """A bounded queue of JSON lines; one that is too slow is told how much it missed.

    Args:
        types: what it wants, `type` or `type:endpoint` (documents of that type about that endpoint alone);
            None for everything.
    """

    def __init__(self, types: Collection[str] | None) -> None:
        self._types = types
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._missed = 0
        self._arrived = asyncio.Event()

    def wants(self, kind: str, endpoint: str | None = None) -> bool:
        return self._types is None or kind in self._types or f"{kind}:{endpoint}" in self._types

    def put(self, line: bytes) -> None:
        if len(self._lines) >= MAX_WAITING or self._bytes >= _MAX_WAITING_BYTES:
            self._missed += 1
            return
        self._tell_gap()
        self._append(line)

    async def get(self) -> bytes:
        """Lines that wait, joined, 256 KiB or a little more at a time; waits for at least one."""
        while not self._lines:
            self._arrived.clear()
            await self._arrived.wait()
        taken: list[bytes] = []
        size = 0
        while self._lines and size < _MAX_JOINED_BYTES:
            taken.append(self._lines.popleft())
            size += len(taken[-1])
        self._bytes -= size
        if not self._lines:
            self._tell_gap()
        return b"".join(taken)

    def _tell_gap(self) -> None:
        if self._missed:
            missed, self._missed = self._missed, 0
            self._append(_line({"type": "gap", "missed": missed}))

    def _append(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line)
        self._arrived.set()


class Feed:
    """Publishes documents to subscribers (docs/runtime-interfaces.md, "Observer API")."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()

    def subscribe(self, types: Iterable[str] | None = None) -> Subscriber:
        subscriber = Subscriber(None if types is None else frozenset(types))
        self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    def wanted(self, kind: str, endpoint: str | None = None) -> bool:
        """Whether anybody would read a document of this type, about this endpoint; ask before building one."""
        if not self._subscribers:
            return False
        return any(subscriber.wants(kind, endpoint) for subscriber in self._subscribers)

    def publish(self, kind: str, **fields: Any) -> None:
        endpoint = fields.get("endpoint")
        readers = [subscriber for subscriber in self._subscribers if subscriber.wants(kind, endpoint)]
        if not readers:
            return
        line = _line({"type": kind, "at": timestamp(), **fields})
        for subscriber in readers:
            subscriber.put(line)


def timestamp() -> str:
    """Now: RFC 3339, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _line(document: dict[str, Any]) -> bytes:
    return _encode(document).encode(errors="replace") + b"\n"
