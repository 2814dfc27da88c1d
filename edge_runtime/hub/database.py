"""The hub's database: one SQLite file for messages, sessions, twins and identities."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA_VERSION = 1
PAGE_BYTES = 4096
_NOTE_BYTES = 512
_LITTLE_SPACE_BYTES = 256 * 1024

logger = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS endpoints (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS messages (
    key INTEGER PRIMARY KEY,
    expires REAL,
    sender TEXT NOT NULL,
    output TEXT,
    properties TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (client TEXT PRIMARY KEY, subscriptions TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS twins (
    client TEXT PRIMARY KEY,
    desired TEXT NOT NULL,
    reported TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identities (
    client TEXT PRIMARY KEY,
    generation TEXT NOT NULL,
    primary_key TEXT NOT NULL,
    secondary_key TEXT NOT NULL
) WITHOUT ROWID;
"""


class StoreError(Exception):
    """The store cannot be opened; the hub never goes on without it (no silent fall-back to memory)."""


class StoreDamagedError(StoreError):
    """What is stored cannot be read. The next start keeps the file aside and reads from it what it can."""


class StoreClaim:
    """Keeps a second hub off the store: two would give out the same sequence numbers and deliver twice.

    The kernel ends the claim with the process, however that dies. The lock is on a file beside the store:
    closing any descriptor of the store itself would end SQLite's own locks. The file also says how the hub
    that had the store last has left it.
    """

    OPEN, CLEAN, DAMAGED = "open", "clean", "damaged: "

    def __init__(self, path: Path) -> None:
        """Raises StoreError."""
        if _refusal(path) is not None:
            raise _cannot_open(path, PermissionError())  # SQLite would open it for reading alone
        try:
            self._descriptor = os.open(path.with_name(f"{path.name}-claim"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _cannot_open(path, error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise StoreError(
                f"{path}: another hub uses this store. Stop it, or use another --state."
            ) from None
        self.left = self.state = os.pread(self._descriptor, _NOTE_BYTES, 0).decode(errors="replace").rstrip()

    def note(self, state: str) -> None:
        """OPEN, CLEAN (all is in the database, its log is not needed), or DAMAGED and why."""
        self.state = state
        # Always of one length: to write over what is there takes no space, which a full disk would not have.
        note = state.encode(errors="replace")[:_NOTE_BYTES].ljust(_NOTE_BYTES)
        try:
            os.pwrite(self._descriptor, note, 0)
        except OSError as error:
            logger.warning("The state of the store cannot be noted: %s", error)

    def release(self) -> None:
        os.close(self._descriptor)


def open_database(path: Path) -> sqlite3.Connection:
    """Open (and on first use create, mode 0600) the store for the thread that calls. Raises StoreError."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(path, timeout=10)
        connection.executescript(
            f"PRAGMA page_size={PAGE_BYTES}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "PRAGMA secure_delete=OFF;"
            "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-8192;"
        )
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{path}: written by a newer version (schema {version}, this one reads {SCHEMA_VERSION}). "
                "Use that version, or another --state folder."
            )
        if version < SCHEMA_VERSION:
            # Only then: to write at each start would keep a hub from starting while the disk is full.
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
    except (sqlite3.Error, OSError) as error:
        if is_damage(error):
            raise StoreDamagedError(f"{path}: the store cannot be opened ({error})") from error
        raise _cannot_open(path, error) from error
    return connection


def is_damage(error: Exception) -> bool:
    """Whether it says that the file's content is wrong, as against a full disk, a lock or a failing device."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return isinstance(error, sqlite3.OperationalError)  # a text that is not UTF-8
        # Of SQL that is right, ERROR says that a table is missing.
        return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
    return isinstance(error, (ValueError, LookupError, TypeError, StoreDamagedError))


def bytes_used_and_free(connection: sqlite3.Connection) -> tuple[int, int]:
    """What the pages in use take, and what those that deleted rows have left, which are used again first."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return (pages - free) * PAGE_BYTES, free * PAGE_BYTES


def shrink(connection: sqlite3.Connection) -> None:
    """Leave free pages out of the database; it takes as long as writing what is in use. Raises sqlite3.Error.

    The file becomes small when the log has been folded into it. `auto_vacuum=INCREMENTAL` would do it page by
    page, for more work with every message.
    """
    connection.execute("VACUUM")


def fold_log(connection: sqlite3.Connection) -> bool:
    """Write the log back into the database as far as readers allow; whether that was all. Raises sqlite3.Error."""
    _, length, folded = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return bool(length == folded)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever the store's content makes its readers raise becomes a StoreError."""
    try:
        yield
    except (sqlite3.Error, ValueError, LookupError, TypeError) as error:
        if is_damage(error):
            raise StoreDamagedError(f"{path}: what is stored cannot be read ({error})") from error
        raise _cannot_open(path, error) from error


def _cannot_open(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path}: the store cannot be opened ({_refusal(path) or _lack_of_space(path) or error}). "
        "Mend its folder or move the file away; it may hold messages that were acknowledged, so it is not replaced."
    )


def _refusal(path: Path) -> str | None:
    """Which file this user may not write; None when that is not the reason."""
    names = ("", "-wal", "-shm", "-claim")
    files = [file for name in names if (file := path.with_name(path.name + name)).exists()]
    for file in [*files, path.parent]:
        if not os.access(file, os.R_OK | os.W_OK):
            found = file.stat()
            return (
                f"user {os.getuid()} may not write {file}, which belongs to user {found.st_uid} "
                f"with mode {found.st_mode & 0o777:o}"
            )
    return None


def _lack_of_space(path: Path) -> str | None:
    disk = os.statvfs(path.parent)
    return "the disk is full" if disk.f_bavail * disk.f_frsize < _LITTLE_SPACE_BYTES else None
