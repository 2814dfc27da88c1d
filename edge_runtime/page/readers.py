"""The browsers that read the stream: each event is encoded once, and kept once for all who have not read it yet."""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Any

from edge_runtime.page.json_bytes import encode
from edge_runtime.page.json_http import RequestError

MOST_READERS = 8
MOST_WAITING = 2_000
MOST_WAITING_BYTES = 4 * 1024 * 1024
# What one write takes: the transport keeps another copy until the browser has it.
_MOST_JOINED_BYTES = 256 * 1024


def event(kind: str, document: Any) -> bytes:
    """One server-sent event. JSON has its line breaks escaped, so one `data` line will do."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(document))


class Reader:
    """What waits for one browser: bounded. One that is too slow is told how much it missed (`gap`).

    Of snapshots only the newest waits, and it goes first.
    """

    def __init__(self) -> None:
        self._snapshot: bytes | None = None
        self._events: deque[bytes] = deque()
        self._bytes = 0
        self._missed = 0
        self._ended = False
        self._arrived = asyncio.Event()

    def put(self, encoded: bytes) -> None:
        """Drops it when too much waits."""
        if len(self._events) >= MOST_WAITING or self._bytes + len(encoded) > MOST_WAITING_BYTES:
            self._missed += 1
            return
        self._tell_gap()
        self._append(encoded)

    def put_snapshot(self, encoded: bytes) -> None:
        """In place of one that still waits."""
        self._snapshot = encoded
        self._arrived.set()

    def end(self) -> None:
        """What waits is read no more."""
        self._ended = True
        self._arrived.set()

    async def get(self) -> bytes | None:
        """What waits, joined, 256 KiB or a little more at a time; waits for at least one event. None: the end."""
        while not (self._ended or self._events or self._snapshot):
            self._arrived.clear()
            await self._arrived.wait()
        if self._ended:
            return None
        taken: list[bytes] = []
        if self._snapshot is not None:
            taken.append(self._snapshot)
            self._snapshot = None
        size = 0
        while self._events and size < _MOST_JOINED_BYTES:
            taken.append(self._events.popleft())
            size += len(taken[-1])
        self._bytes -= size
        if not self._events:
            self._tell_gap()
        return b"".join(taken)

    def _tell_gap(self) -> None:
        if self._missed:
            missed, self._missed = self._missed, 0
            self._append(event("gap", {"missed": missed}))

    def _append(self, encoded: bytes) -> None:
        self._events.append(encoded)
        self._bytes += len(encoded)
        self._arrived.set()


class Readers:
    """All of them."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()

    def __len__(self) -> int:
        return len(self._readers)

    def open(self) -> Reader:
        """Raises RequestError when there are too many already."""
        if len(self._readers) >= MOST_READERS:
            raise RequestError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{MOST_READERS} browsers read already: close one of their pages",
            )
        reader = Reader()
        self._readers.add(reader)
        return reader

    def close(self, reader: Reader) -> None:
        """It gets no more."""
        self._readers.discard(reader)

    def tell(self, kind: str, document: Any) -> None:
        """Everybody."""
        encoded = event(kind, document)
        for reader in self._readers:
            reader.put(encoded)

    def tell_snapshot(self, document: Any) -> None:
        """Everybody; see Reader."""
        encoded = event("snapshot", document)
        for reader in self._readers:
            reader.put_snapshot(encoded)

    def end(self) -> None:
        """Everybody's stream."""
        for reader in self._readers:
            reader.end()
