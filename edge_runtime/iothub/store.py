"""What arrived, kept on disk: durable before the sender hears of it, once each, bounded.

UpstreamStoreError
├── StoreUnusableError    it cannot be opened: newer version, no permission
└── StoreRefusedError     a batch was not stored (disk full); the sender keeps it and tries again
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_runtime.iothub.event import Event

_log = logging.getLogger(__name__)

VERSION = 1
DEFAULT_LIMIT_BYTES = 256 * 1024 * 1024
_ROW_BYTES = 200
"""What a row costs beyond its content: its columns, the index, page slack."""

_SCHEMA = """
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL,
    enqueued REAL NOT NULL,
    module TEXT,
    output TEXT,
    application TEXT NOT NULL,
    system TEXT NOT NULL,
    body BLOB NOT NULL,
    cost INTEGER NOT NULL
);
CREATE UNIQUE INDEX event_once ON event (device, sequence, digest);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STORED = """
SELECT device, sequence, digest FROM event
WHERE device = ? AND sequence IN (SELECT value FROM json_each(?))
"""
_COLUMNS = "id, device, sequence, enqueued, module, output, application, system, body"


class UpstreamStoreError(Exception):
    """Root of this store's errors."""


class StoreUnusableError(UpstreamStoreError):
    """The store cannot be opened; the message names the file and the mend."""


class StoreRefusedError(UpstreamStoreError):
    """Nothing of the batch was stored."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events to read. `since` compares with the time of arrival."""

    module: str | None = None
    output: str | None = None
    since: datetime | None = None
    after_id: int = 0
    before_id: int | None = None

    def where(self) -> tuple[str, list[Any]]:
        """A condition and its parameters."""
        parts: list[tuple[str, Any]] = [("id > ?", self.after_id)]
        if self.module is not None:
            parts.append(("module = ?", self.module))
        if self.output is not None:
            parts.append(("output = ?", self.output))
        if self.since is not None:
            parts.append(("enqueued >= ?", self.since.timestamp()))
        if self.before_id is not None:
            parts.append(("id < ?", self.before_id))
        return " AND ".join(part for part, _ in parts), [value for _, value in parts]


class UpstreamStore:
    """The writer. It blocks, so all its calls belong to one thread that is not the event loop's."""

    def __init__(self, path: Path, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._path = path
        self._limit = limit_bytes
        self._dropped = 0
        self._database, self._bytes = self._open_or_quarantine()

    def add(self, events: Sequence[Event]) -> list[tuple[int, Event]]:
        """Store what is not stored yet; durable on return. Gives the new events with their ids.

        Raises StoreRefusedError.
        """
        try:
            return self._add(events)
        except sqlite3.Error as error:
            if not _is_damage(error):
                raise StoreRefusedError(f"{self._path}: {error}") from error
            _log.error("%s is damaged (%s)", self._path, error)
            self._database.close()
            self._quarantine()
            self._database, self._bytes = self._open()
            return self._add(events)

    def counters(self) -> dict[str, int]:
        """`stored`, `duplicates`, `dropped_oldest`: since the store was begun."""
        return dict(self._database.execute("SELECT name, value FROM counter"))

    def close(self) -> None:
        """Fold the write-ahead log back into the file."""
        self._database.close()

    def _add(self, events: Sequence[Event]) -> list[tuple[int, Event]]:
        rows = [_row(event) for event in events]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            stored = self._stored(rows)
            number = self._last_id()
            added, new = [], []
            for event, row in zip(events, rows, strict=True):
                if (once := row[:3]) not in stored:
                    stored.add(once)
                    number += 1
                    added.append((number, event))
                    new.append((number, *row))
            self._database.executemany(_INSERT, new)
            self._count("stored", len(added))
            self._count("duplicates", len(events) - len(added))
            total = self._shrink(self._bytes + sum(row[-1] for row in new))
        self._bytes = total
        return added

    def _stored(self, rows: Sequence[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
        """Device, sequence and digest of what is stored with numbers as these have: one look for a whole batch."""
        found: set[tuple[Any, ...]] = set()
        for device in {row[0] for row in rows}:
            # Not all between the least and the greatest: a batch may hold an urgent one and the oldest of a backlog.
            numbers = json.dumps([row[1] for row in rows if row[0] == device])
            found.update(self._database.execute(_STORED, (device, numbers)))
        return found

    def _last_id(self) -> int:
        """Ids are never used twice, also when the newest event is gone."""
        row = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        return 0 if row is None else int(row[0])

    def _shrink(self, total: int) -> int:
        """Drop the oldest until the rest fits; the newest event always stays."""
        dropped = 0
        while total > self._limit:
            rows = self._database.execute(
                "SELECT id, cost FROM event WHERE id < (SELECT max(id) FROM event) ORDER BY id LIMIT 100"
            ).fetchall()
            if not rows:
                break
            for number, cost in rows:
                last = number
                dropped += 1
                total -= cost
                if total <= self._limit:
                    break
            self._database.execute("DELETE FROM event WHERE id <= ?", (last,))
        if dropped:
            self._count("dropped_oldest", dropped)
            self._tell_dropped(dropped)
        return total

    def _tell_dropped(self, dropped: int) -> None:
        """At 1, 10, 100... and so on: a store that is full drops with every batch."""
        before, self._dropped = self._dropped, self._dropped + dropped
        if not before or len(str(before)) < len(str(self._dropped)):
            _log.warning(
                "%s has reached its limit: %d events dropped so far, the oldest", self._path, self._dropped
            )

    def _count(self, name: str, amount: int) -> None:
        if amount:
            self._database.execute(
                "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
                (name, amount, amount),
            )

    def _open_or_quarantine(self) -> tuple[sqlite3.Connection, int]:
        try:
            return self._open()
        except (sqlite3.Error, OSError) as error:
            if not _is_damage(error):
                raise StoreUnusableError(
                    f"{self._path} cannot be opened: {error}; check the folder's owner and free space"
                ) from error
            _log.error("%s is damaged (%s)", self._path, error)
            self._quarantine()
            return self._open()

    def _open(self) -> tuple[sqlite3.Connection, int]:
        self._path.touch(mode=0o600)
        database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StoreUnusableError(  # noqa: TRY301
                    f"{self._path} was written by a newer version (format {version}, this one reads "
                    f"{VERSION}); update, or move the file away"
                )
            if version == 0:
                database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            (total,) = database.execute("SELECT coalesce(sum(cost), 0) FROM event").fetchone()
        except BaseException:
            database.close()
            raise
        return database, total

    def _quarantine(self) -> None:
        kept = self._path.with_name(f"{self._path.name}.corrupt-{int(time.time())}")
        for suffix in ("", "-wal", "-shm"):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
        _log.error("the damaged store was kept as %s; a new one begins", kept)


def _is_damage(error: Exception) -> bool:
    """Whether the file is no database any more, as against a full disk, a lock, a refused write."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def read_events(path: Path, which: Filter, limit: int | None = None) -> Iterator[tuple[int, Event]]:
    """Events in order of arrival; with `limit` the last that many. Another process may be writing."""
    order = "ORDER BY id" if limit is None else f"ORDER BY id DESC LIMIT {limit:d}"
    rows: Iterable[tuple[Any, ...]] = _rows(path, which, order)
    if limit is not None:
        rows = reversed(list(rows))
    for row in rows:
        yield row[0], _event(row)


def read_newest(path: Path, which: Filter) -> Generator[tuple[int, Event], None, None]:
    """Events, the newest first, read as they are asked for; close it when done. Another process may be writing."""
    for row in _rows(path, which, "ORDER BY id DESC"):
        yield row[0], _event(row)


def _rows(path: Path, which: Filter, order: str) -> Iterator[tuple[Any, ...]]:
    where, parameters = which.where()
    query = f"SELECT {_COLUMNS} FROM event WHERE {where} {order}"  # noqa: S608
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        yield from database.execute(query, parameters)


def _row(event: Event) -> tuple[Any, ...]:
    application, system = json.dumps(dict(event.application)), json.dumps(dict(event.system))
    return (
        event.device,
        event.sequence,
        event.digest(),
        event.enqueued_at.timestamp(),
        event.module,
        event.output,
        application,
        system,
        event.body,
        len(event.body) + len(application) + len(system) + _ROW_BYTES,
    )


def _event(row: tuple[Any, ...]) -> Event:
    _, device, sequence, enqueued, module, output, application, system, body = row
    return Event(
        device=device,
        sequence=sequence,
        module=module,
        output=output,
        enqueued_at=datetime.fromtimestamp(enqueued, UTC),
        application=json.loads(application),
        system=json.loads(system),
        body=body,
    )
