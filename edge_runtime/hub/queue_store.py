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
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.database import bytes_used_and_free, open_database
from edge_runtime.hub.message import ClientId, Message, Properties

DEFAULT_PRIORITY = 2_000_000_000
_LOWEST_RANK = 15
_SEQUENCE_BITS = 44
_QUEUE_BITS = 4 + _SEQUENCE_BITS
SEQUENCES = 1 << _SEQUENCE_BITS
_RESERVE = 1 << 16
_READ_BYTES = 4 * 1024 * 1024
# What a row costs beside body and properties, with its share of what its page has left over.
_ROW_BYTES = 512
_T = TypeVar("_T")
_INSERT = "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM messages WHERE key = ?"


class LostRowsError(Exception):
    """Messages that were stored are not there any more: somebody else changed the file."""

    def __init__(self, endpoint: str, key: int) -> None:
        super().__init__(f"{endpoint}: messages up to {key} were stored, but the store has no more")


class Stored(NamedTuple):
    """A message in a queue. `expires` is in Unix seconds, None for never."""

    key: int
    expires: float | None
    message: Message

    @property
    def sequence(self) -> int:
        return self.key & (SEQUENCES - 1)

    @property
    def rank(self) -> int:
        """Of its priority."""
        return self.key >> _SEQUENCE_BITS & _LOWEST_RANK


def endpoint_number(key: int) -> int:
    return key >> _QUEUE_BITS


def priority_rank(priority: int) -> int:
    """0..9 as they are; the default priority (2,000,000,000; spec C.10) is less urgent than 9."""
    return priority if 0 <= priority < _LOWEST_RANK else _LOWEST_RANK


def rank_priority(rank: int) -> int:
    return DEFAULT_PRIORITY if rank == _LOWEST_RANK else rank


class QueueStore:
    """Durable queues. Every method is called on the event loop; the disk is touched on other threads.

    `uncommitted_bytes` is about what messages take that are on their way to the disk.
    """

    def __init__(self, path: Path, commits: CommitThread) -> None:
        self.uncommitted_bytes = 0
        self._commits = commits
        self._reader = ThreadPoolExecutor(
            1, thread_name_prefix="hub-read", initializer=self._open, initargs=(path,)
        )
        self._read: sqlite3.Connection | None = None
        with open_database(path) as connection:
            self._endpoints: dict[str, int] = dict(connection.execute("SELECT name, id FROM endpoints"))
            self._reserved = self._next_sequence = _reserved(connection)
            commits.statistics.used_bytes, _ = bytes_used_and_free(connection)
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
        properties = f"[{_json_object(message.app)},{_json_object(message.sys)}]"
        sender = str(message.sender)
        sequence = self.next_sequence()
        stored, rows = [], []
        for endpoint, priority, expires in copies:
            key = self._queue(endpoint, priority_rank(priority)) | sequence
            stored.append(Stored(key, expires, message))
            rows.append((key, expires, sender, message.output, properties, message.body))
        size = len(rows) * (len(properties) + len(message.body) + _ROW_BYTES)
        self.uncommitted_bytes += size

        def committed() -> None:
            self.uncommitted_bytes -= size
            done(stored)

        self._commits.submit(_INSERT, rows, committed, grows=True)

    def remove(self, keys: Sequence[int]) -> None:
        """Delete delivered or expired messages with the next commit."""
        self._commits.submit_lazily(_DELETE, [(key,) for key in keys])

    async def read(
        self, endpoint: str, rank: int, after: int, limit: int, *, most_bytes: int = _READ_BYTES
    ) -> list[Stored]:
        """The oldest messages of a queue with a key above `after`: at most `limit`, fewer when they are large.

        The last one may pass `most_bytes`, so that there is always one when the queue has any.
        """
        queue = self._queue(endpoint, rank)
        bounds = (max(after, queue - 1), queue + SEQUENCES, limit)
        return await self._on_reader(_select, bounds, most_bytes)

    async def occupied(self, endpoint: str) -> list[int]:
        """The priority ranks of an endpoint that have messages, most urgent first."""
        return [rank for rank in range(_LOWEST_RANK + 1) if await self.last_key(endpoint, rank)]

    async def last_key(self, endpoint: str, rank: int) -> int:
        """The key of a queue's newest message, 0 for none."""
        queue = self._queue(endpoint, rank)
        return await self._on_reader(_last_key, (queue - 1, queue + SEQUENCES))

    async def count(self, endpoint: str, rank: int, after: int, before: int, limit: int) -> tuple[int, int]:
        """How many messages with keys between lie at the end of a queue, `limit` at most; the first one's key."""
        queue = self._queue(endpoint, rank)
        return await self._on_reader(_count, (max(after, queue - 1), before, limit))

    async def _on_reader(self, function: Callable[..., _T], *arguments: Any) -> _T:
        def call() -> _T:
            assert self._read is not None  # noqa: S101 - the executor's initializer ran on this thread
            return function(self._read, *arguments)

        return await asyncio.get_running_loop().run_in_executor(self._reader, call)

    def _queue(self, endpoint: str, rank: int) -> int:
        number = self._endpoints.get(endpoint)
        if number is None:
            number = len(self._endpoints) + 1
            self._endpoints[endpoint] = number
            self._commits.submit("INSERT INTO endpoints VALUES (?, ?)", [(number, endpoint)], None)
        return number << _QUEUE_BITS | rank << _SEQUENCE_BITS


def _json_object(properties: Properties) -> str:
    # Half of what `json` takes, which builds an encoder for each call. ASCII, for SQLite takes no half surrogate.
    quote = encode_basestring_ascii
    members = [
        f"{quote(name)}:{'null' if value is None else quote(value)}" for name, value in properties.items()
    ]
    return f"{{{','.join(members)}}}"


def _select(connection: sqlite3.Connection, bounds: tuple[int, int, int], most_bytes: int) -> list[Stored]:
    cursor = connection.execute(
        "SELECT * FROM messages WHERE key > ? AND key < ? ORDER BY key LIMIT ?", bounds
    )
    found: list[Stored] = []
    size = 0
    try:
        for row in cursor:
            stored = _stored(row)
            found.append(stored)
            size += len(stored.message.body)
            if size >= most_bytes:
                break
    finally:
        cursor.close()
    return found


def _last_key(connection: sqlite3.Connection, bounds: tuple[int, int]) -> int:
    row = connection.execute("SELECT max(key) FROM messages WHERE key > ? AND key < ?", bounds).fetchone()
    return int(row[0] or 0)


def _count(connection: sqlite3.Connection, bounds: tuple[int, int, int]) -> tuple[int, int]:
    number, first = connection.execute(
        "SELECT count(*), min(key) FROM "
        "(SELECT key FROM messages WHERE key > ? AND key < ? ORDER BY key DESC LIMIT ?)",
        bounds,
    ).fetchone()
    return number, first or 0


def _reserved(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE name = 'sequence'").fetchone()
    return 1 if row is None else int(row[0])


def _stored(row: tuple[Any, ...]) -> Stored:
    key, expires, sender, output, properties, body = row
    device, _, module = sender.partition("/")
    app, system = json.loads(properties)
    return Stored(key, expires, Message(ClientId(device, module or None), output, app, system, body))


def checked_row(row: tuple[Any, ...]) -> Stored | None:
    """The message of a row that may be damaged; None when the hub could not deal with it."""
    try:
        stored = _stored(row)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    message = stored.message
    sound = (
        isinstance(stored.key, int)
        and stored.key > 0
        and (stored.expires is None or isinstance(stored.expires, (int, float)))
        and (message.output is None or isinstance(message.output, str))
        and isinstance(message.body, bytes)
        and all(_is_properties(properties) for properties in (message.app, message.sys))
    )
    return stored if sound else None


def _is_properties(properties: Any) -> bool:
    return isinstance(properties, dict) and all(
        value is None or isinstance(value, str) for value in properties.values()
    )
