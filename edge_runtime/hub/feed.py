"""What happens in the hub, told to whoever watches. Costs nothing while nobody does."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from edge_runtime.hub.sampling import Sampler, Sampling

MAX_WAITING = 32_768
_MAX_WAITING_BYTES = 16 * 1024 * 1024
# What one write takes: the transport keeps another copy until the reader has it.
_MAX_JOINED_BYTES = 256 * 1024
GAP_PAUSE_S = 1.0
_NONE: frozenset[str] = frozenset()
# Made once: `json.dumps` with arguments builds an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Subscriber:
    """A bounded queue of JSON lines; one that is too slow is told how much it missed.

    Args:
        types: what it wants, `type` or `type:endpoint` (documents of that type about that endpoint alone);
            None for everything.
        sampler: of messages it wants a sample, and this decides which; None for all of them.
    """

    def __init__(self, types: Collection[str] | None, sampler: Sampler | None = None) -> None:
        self.sampler = sampler
        self._types = types
        self._named: dict[str, frozenset[str]] = {}
        for kind, _, endpoint in (name.partition(":") for name in types or ()):
            if endpoint:
                self._named[kind] = self._named.get(kind, _NONE) | {endpoint}
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._missed = self._left_out = 0
        self._arrived = asyncio.Event()

    def wants(self, kind: str, *endpoints: str) -> bool:
        """Documents of this type that are about one of these endpoints."""
        if self._types is None or kind in self._types:
            return True
        return not self.named(kind).isdisjoint(endpoints)

    def named(self, kind: str) -> frozenset[str]:
        """The endpoints that it asked for by name."""
        return self._named.get(kind, _NONE)

    def put(self, line: bytes) -> None:
        if len(self._lines) >= MAX_WAITING or self._bytes >= _MAX_WAITING_BYTES:
            self._missed += 1
            return
        self._tell_gap()
        self._append(line)

    def miss(self) -> None:
        """Left out on purpose. Told within a second, and once a second: readers look at twins again then."""
        if not self._left_out:
            asyncio.get_running_loop().call_later(GAP_PAUSE_S, self._tell_left_out)
        self._left_out += 1

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

    def _tell_left_out(self) -> None:
        self._missed += self._left_out
        self._left_out = 0
        if not self._lines:
            self._tell_gap()

    def _tell_gap(self) -> None:
        if self._missed:
            missed, self._missed = self._missed, 0
            self._append(_encoded({"type": "gap", "missed": missed}))

    def _append(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line)
        self._arrived.set()


class Feed:
    """Publishes documents to subscribers (docs/runtime-interfaces.md, "Observer API")."""

    def __init__(self) -> None:
        self.readers: set[Subscriber] = set()

    def subscribe(self, types: Iterable[str] | None = None, sampling: Sampling | None = None) -> Subscriber:
        sampler = None if sampling is None else Sampler(sampling)
        subscriber = Subscriber(None if types is None else frozenset(types), sampler)
        self.readers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self.readers.discard(subscriber)

    def wanted(self, kind: str) -> bool:
        """Whether anybody would read a document of this type; ask before building one."""
        return any(reader.wants(kind) for reader in self.readers)

    def publish(self, kind: str, **fields: Any) -> None:
        """A document that is about no message; those that are have a feed of their own (`MessageFeed`)."""
        readers = [reader for reader in self.readers if reader.wants(kind)]
        if not readers:
            return
        line = line_of(kind, fields)
        for reader in readers:
            sampler = reader.sampler
            if kind != "reported" or sampler is None or sampler.reported(len(line)):
                reader.put(line)
            else:
                reader.miss()


def timestamp() -> str:
    """Now: RFC 3339, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def line_of(kind: str, fields: Mapping[str, Any]) -> bytes:
    """One line of the feed: a document of type `kind`, of now."""
    return _encoded({"type": kind, "at": timestamp(), **fields})


def _encoded(document: dict[str, Any]) -> bytes:
    return _encode(document).encode(errors="replace") + b"\n"
