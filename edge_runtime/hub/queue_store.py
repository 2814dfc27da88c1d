"""Messages on disk, one b-tree for all queues.

A row's key packs endpoint, priority and sequence, so a queue is a range of keys and FIFO is a range scan:

    bits 62..48 endpoint number (15 bits) | 47..44 priority rank (4 bits) | 43..0 sequence (44 bits)

The sequence is one counter for the whole store and is never used twice, so it also identifies a
message to the upstream.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.database import open_database
from edge_runtime.hub.message import ClientId, Message

DEFAULT_PRIORITY = 2_000_000_000
_LOWEST_RANK = 15
_SEQUENCE_BITS = 44
_QUEUE_BITS = 4 + _SEQUENCE_BITS
_RESERVE = 1 << 16
# Made once: `json.dumps` with arguments builds an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_INSERT = "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM messages WHERE key = ?"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in a queue. `expires` is in Unix seconds, None for never."""

    key: int
    expires: float | None
    message: Message

    @property
    def sequence(self) -> int:
        return self.key & ((1 << _SEQUENCE_BITS) - 1)


def priority_rank(priority: int) -> int:
    """0..9 as they are; the default priority (2,000,000,000; spec C.10) is less urgent than 9."""
    return priority if 0 <= priority < _LOWEST_RANK else _LOWEST_RANK


def rank_priority(rank: int) -> int:
    return DEFAULT_PRIORITY if rank == _LOWEST_RANK else rank


class QueueStore:
    """Durable queues. Every method is called on the event loop; the disk is touched on other threads."""

    def __init__(self, path: Path, commits: CommitThread) -> None:
        self._commits = commits
        self._reader = ThreadPoolExecutor(
            1, thread_name_prefix="hub-read", initializer=self._open, initargs=(path,)
        )
        self._read: sqlite3.Connection | None = None
        with open_database(path) as connection:
            self._endpoints: dict[str, int] = dict(connection.execute("SELECT name, id FROM endpoints"))
            self._reserved = self._next_sequence = _reserved(connection)
        connection.close()

    def _open(self, path: Path) -> None:
        self._read = open_database(path)

    def close(self) -> None:
        def end() -> None:
            if self._read is not None:
                self._read.close()

        self._reader.submit(end).result()
        self._reader.shutdown()

    @property
    def endpoints(self) -> Sequence[str]:
        """Every endpoint that ever had a message."""
        return tuple(self._endpoints)

    def next_sequence(self) -> int:
        """A number that no message of this store had before, in this run or an earlier one.

        Deleted rows leave no trace, so numbers are reserved in blocks. The reservation goes to the commit
        thread ahead of the first message that uses it, so it is durable no later than that message.
        """
        sequence = self._next_sequence
        if sequence >= self._reserved:
            self._reserved = sequence + _RESERVE
            self._commits.submit(
                "INSERT OR REPLACE INTO meta VALUES ('sequence', ?)", [(str(self._reserved),)], None
            )
        self._next_sequence += 1
        return sequence

    def append(
        self,
        copies: Sequence[tuple[str, int, float | None]],
        message: Message,
        done: Callable[[Sequence[Stored]], None],
    ) -> None:
        """Store one copy for each (endpoint, priority, expires), all in one commit; then call `done`."""
        properties = _encode([message.app, message.sys])
        sender = str(message.sender)
        sequence = self.next_sequence()
        stored = [
            Stored(self._queue(endpoint, priority_rank(priority)) | sequence, expires, message)
            for endpoint, priority, expires in copies
        ]
        rows = [(s.key, s.expires, sender, message.output, properties, message.body) for s in stored]
        self._commits.submit(_INSERT, rows, lambda: done(stored))

    def remove(self, keys: Sequence[int]) -> None:
        """Delete delivered or expired messages with the next commit."""
        self._commits.submit_lazily(_DELETE, [(key,) for key in keys])

    async def read(self, endpoint: str, rank: int, after: int, limit: int) -> list[Stored]:
        """The oldest `limit` messages of a queue with a key above `after`."""
        queue = self._queue(endpoint, rank)
        bounds = (max(after, queue - 1), queue + (1 << _SEQUENCE_BITS), limit)
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._reader, self._select, bounds)
        return [_stored(row) for row in rows]

    async def occupied(self, endpoint: str) -> list[int]:
        """The priority ranks of an endpoint that have messages, most urgent first."""
        return [rank for rank in range(_LOWEST_RANK + 1) if await self.read(endpoint, rank, 0, 1)]

    async def count(self, endpoint: str, rank: int) -> int:
        queue = self._queue(endpoint, rank)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._reader, self._count, (queue - 1, queue + (1 << _SEQUENCE_BITS))
        )

    def _select(self, bounds: tuple[int, int, int]) -> list[tuple[Any, ...]]:
        assert self._read is not None  # noqa: S101 - the executor's initializer ran on this thread
        return self._read.execute(
            "SELECT * FROM messages WHERE key > ? AND key < ? ORDER BY key LIMIT ?", bounds
        ).fetchall()

    def _count(self, bounds: tuple[int, int]) -> int:
        assert self._read is not None  # noqa: S101 - as above
        row = self._read.execute("SELECT count(*) FROM messages WHERE key > ? AND key < ?", bounds).fetchone()
        return int(row[0])

    def _queue(self, endpoint: str, rank: int) -> int:
        number = self._endpoints.get(endpoint)
        if number is None:
            number = len(self._endpoints) + 1
            self._endpoints[endpoint] = number
            self._commits.submit("INSERT INTO endpoints VALUES (?, ?)", [(number, endpoint)], None)
        return number << _QUEUE_BITS | rank << _SEQUENCE_BITS


def _reserved(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE name = 'sequence'").fetchone()
    return 1 if row is None else int(row[0])


def _stored(row: tuple[Any, ...]) -> Stored:
    key, expires, sender, output, properties, body = row
    device, _, module = sender.partition("/")
    app, system = json.loads(properties)
    return Stored(key, expires, Message(ClientId(device, module or None), output, app, system, body))
