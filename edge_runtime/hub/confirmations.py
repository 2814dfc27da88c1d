"""What receivers have confirmed and the store has not durably deleted yet.

Deletions ride on commits, 50 ms and a sync late at most. So that a `kill -9` in between repeats none of them, each
confirmation is first written to a ring in a file of its own: to the kernel's memory, which outlives the process and
costs no sync. The next start deletes what the ring names. After a power cut the ring may be older than the store, and
what was confirmed shortly before comes again.

hub.db-confirmed: 4096 entries of 16 bytes, little-endian: the message's key (8), the mark of the run (4), a checksum of
key and body (4). Each start draws a mark and keeps it in the store. In a store put in place of another, perhaps a copy
of it, keys may name other messages, of the same content too: its mark differs, and nothing is deleted.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from struct import Struct
from zlib import crc32

from edge_runtime.hub.commit import NO_SPACE, CommitThread
from edge_runtime.hub.queue_store import Stored

logger = logging.getLogger(__name__)

ENTRIES = 4096
PAUSE_AT = ENTRIES // 2
"""So many that are not durably deleted stop delivery; what is in flight then has the other half of the ring."""
HURRY_AT = ENTRIES // 4
_ENTRY = Struct("<qII")
_CHECKED_BYTES = 1024
_DELETE = "DELETE FROM messages WHERE key = ?"
_RUN = "confirmations"
"""The name in `meta` of what the mark is made of."""


class Confirmations:
    """Takes confirmed messages out of the store; all inputs share one. Every method is called on the event loop.

    Args:
        store: the database's file; the ring lies beside it.
        connection: where what the last hub has left in the ring is deleted now. Raises sqlite3.Error.
        commits: the way to the disk.
    """

    def __init__(self, store: Path, connection: sqlite3.Connection, commits: CommitThread) -> None:
        self._commits = commits
        self._unsettled = 0
        self._next = 0
        self._mark = 0
        self._waiting: dict[Callable[[], None], None] = {}
        self._path = store.with_name(f"{store.name}-confirmed")
        self._ring: int | None = None
        try:
            self._ring = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            empty = bytes(ENTRIES * _ENTRY.size)
            left = os.pread(self._ring, len(empty), 0)
            self._mark = _take_over(connection, left)
            if left != empty:
                os.pwrite(self._ring, empty, 0)
                os.fsync(self._ring)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        if self._ring is not None:
            os.close(self._ring)
            self._ring = None

    def add(self, confirmed: Sequence[Stored]) -> None:
        """They will not be delivered again, though this process be killed the moment after."""
        if self._ring is not None:
            self._write(self._ring, confirmed)
        number = len(confirmed)
        self._unsettled += number
        self._commits.submit_lazily(
            _DELETE, [(stored.key,) for stored in confirmed], lambda: self._settled(number)
        )
        if self._unsettled >= HURRY_AT:
            self._commits.hurry()

    def has_room(self, resume: Callable[[], None]) -> bool:
        """Whether more may be sent. If not, because the disk is too slow or full, `resume` is called when it may."""
        if self._unsettled < PAUSE_AT:
            return True
        self._waiting[resume] = None
        return False

    def _settled(self, number: int) -> None:
        self._unsettled -= number
        if self._waiting and self._unsettled < PAUSE_AT:
            waiting, self._waiting = self._waiting, {}
            for resume in waiting:
                resume()

    def _write(self, ring: int, confirmed: Sequence[Stored]) -> None:
        entries = b"".join(
            _ENTRY.pack(stored.key, self._mark, _check(stored.key, stored.message.body))
            for stored in confirmed
        )
        at, end = self._next * _ENTRY.size, ENTRIES * _ENTRY.size
        try:
            os.pwrite(ring, entries[: end - at], at)
            if at + len(entries) > end:
                os.pwrite(ring, entries[end - at :], 0)
        except OSError as error:
            self._give_up(error)
        self._next = (self._next + len(confirmed)) % ENTRIES

    def _give_up(self, error: OSError) -> None:
        logger.warning(
            "%s cannot be used (%s): after a crash of this process messages that were confirmed within the "
            "50 ms before it may come again",
            *(self._path, error.strerror or error),
        )
        self.close()


def _take_over(connection: sqlite3.Connection, ring: bytes) -> int:
    """Delete what the ring names; the mark of this run."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_RUN,)).fetchone()
    before, run = "" if row is None else str(row[0]), secrets.token_hex(8)
    whole = len(ring) - len(ring) % _ENTRY.size
    confirmed = [
        (key,)
        for key, marked, check in _ENTRY.iter_unpack(ring[:whole])
        if key > 0 and marked == _mark(before) and check == _check_of_row(connection, key)
    ]
    try:
        with connection:
            connection.executemany(_DELETE, confirmed)
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_RUN, run))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in NO_SPACE:
            raise
        if confirmed:
            logger.warning("%d messages that were confirmed come again: %s", len(confirmed), error)
        return _mark(before)
    return _mark(run)


def _mark(run: str) -> int:
    return crc32(run.encode())


def _check_of_row(connection: sqlite3.Connection, key: int) -> int | None:
    row = connection.execute(
        "SELECT substr(body, 1, ?) FROM messages WHERE key = ?", (_CHECKED_BYTES, key)
    ).fetchone()
    return None if row is None else _check(key, row[0])


def _check(key: int, body: bytes) -> int:
    return crc32(body[:_CHECKED_BYTES], key & 0xFFFFFFFF)
