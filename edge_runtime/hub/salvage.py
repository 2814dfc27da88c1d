"""A damaged store is kept aside, and what can be read of it goes into a new one.

hub.db.salvaging          the new store while it is written
hub.db.salvaged           the new store, whole; until it is hub.db, a start that finds it goes on from there
hub.db.corrupt-TIME       the damaged file as it was, and beside it -wal, its log
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_runtime.hub.damage import beside
from edge_runtime.hub.database import PAGE_BYTES, StoreClaim, StoreError, open_database
from edge_runtime.hub.ports import JsonObject
from edge_runtime.hub.queue_store import SEQUENCES, endpoint_number
from edge_runtime.hub.soundness import TABLES, Row, is_sound

logger = logging.getLogger(__name__)

_OUTCOME = "salvage"
"""The name in `meta` under which a new store says how it came to be."""
_ROWS_AT_ONCE = 1000
_SEQUENCE_LEAP = 1 << 20
_MAX_GAPS = 10_000
_MAX_REASON_BYTES = 512


@dataclass(slots=True)
class Salvage:
    """What came of it. `unreadable` counts places that could not be read, each of one row or many."""

    reason: str
    at: str = ""
    kept_as: str = ""
    read: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0

    def __str__(self) -> str:
        read = ", ".join(f"{number} {table}" for table, number in self.read.items()) or "nothing"
        return (
            f"the store was damaged ({self.reason}) and is kept as {self.kept_as}. "
            f"Read from it into a new one: {read}; {self.unreadable} places could not be read, "
            "so messages that were acknowledged may be lost."
        )

    def document(self) -> JsonObject:
        """For reported properties."""
        reason = self.reason.encode(errors="replace")[:_MAX_REASON_BYTES].decode(errors="ignore")
        return {
            "at": self.at,
            "reason": reason,
            "keptAs": self.kept_as,
            "read": self.read,
            "unreadable": self.unreadable,
        }


def finish_salvage(path: Path, claim: StoreClaim) -> Salvage | None:
    """Go on with one that was interrupted when its new store was whole. Raises StoreError."""
    ready = beside(path, ".salvaged")
    if not ready.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{ready.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as new:
            row = new.execute("SELECT value FROM meta WHERE name = ?", (_OUTCOME,)).fetchone()
        result = _outcome(row[0]) if row is not None else Salvage("found earlier", kept_as=_aside(path).name)
        _replace(path, result, claim)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"{ready}: what was read of a damaged store cannot take its place ({error})"
        ) from error
    logger.error("%s: %s", path, result)
    return result


def salvage(path: Path, reason: str, claim: StoreClaim) -> Salvage:
    """Put a new store in the place of a damaged one. Raises StoreError, and then nothing has changed."""
    logger.error("%s: the store is damaged (%s); reading from it what can be read", path, reason)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    result = Salvage(reason, at, _aside(path).name)
    draft, mended = beside(path, ".salvaging"), beside(path, ".mended")
    try:
        _remove(draft)
        with closing(open_database(draft)) as new:
            source = _open_readable(path, mended)
            if source is not None:
                with closing(source):
                    _copy(source, new, result)
            else:
                result.unreadable += 1
            with new:
                outcome = (_OUTCOME, json.dumps(result.document()))
                new.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", outcome)
            new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        draft.rename(beside(path, ".salvaged"))
        _replace(path, result, claim)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"{path}: the store is damaged ({reason}), and what can be read of it cannot be written anew ({error}). "
            "Make room beside it, or move it away to start with an empty store."
        ) from error
    finally:
        _remove(mended)
        _remove(draft)
    logger.error("%s: %s", path, result)
    return result


def _outcome(text: str) -> Salvage:
    """What `document` has said."""
    document = json.loads(text)
    names = ("reason", "at", "keptAs", "read", "unreadable")
    return Salvage(*(document[name] for name in names))


def _aside(path: Path) -> Path:
    """A name that is free for a damaged store."""
    kept = beside(path, f".corrupt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    while kept.exists():
        kept = kept.with_name(f"{kept.name}x")
    return kept


def _replace(path: Path, result: Salvage, claim: StoreClaim) -> None:
    """Move the damaged files aside and the new store to their place."""
    kept = path.with_name(result.kept_as)
    # The file last: as long as it is there, a start knows that this is not finished.
    for suffix in ("-wal", ""):
        if beside(path, suffix).exists():
            beside(path, suffix).rename(beside(kept, suffix))
    beside(path, "-shm").unlink(missing_ok=True)
    # Before the last step, for what it said was said of the damaged store.
    claim.note(StoreClaim.CLEAN)
    beside(path, ".salvaged").rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        beside(path, suffix).unlink(missing_ok=True)


# Reading ------------------------------------------------------------------------------------------


def _open_readable(path: Path, mended: Path) -> sqlite3.Connection | None:
    """The store, or a copy of it with a first page that says where the tables are; None when neither opens."""
    # Before it opens a file without a page SQLite removes its log, which may hold all that there is.
    source = _opened(path) if path.stat().st_size >= PAGE_BYTES else None
    if source is None:
        _remove(mended)
        _copy_with_new_first_page(path, mended)
        source = _opened(mended)
    return source


def _opened(path: Path) -> sqlite3.Connection | None:
    source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        names = {name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if names >= {*TABLES, "messages"}:
            return source
    except sqlite3.DatabaseError as error:
        logger.warning("%s cannot be read as it is: %s", path.name, error)
    source.close()
    return None


def _copy_with_new_first_page(path: Path, copy: Path) -> None:
    """The first page holds the file's header and the root pages of the tables, and is the same in every store."""
    fresh = beside(copy, ".fresh")
    try:
        open_database(fresh).close()
        page = bytearray(fresh.read_bytes()[:PAGE_BYTES])
    finally:
        _remove(fresh)
    for suffix in ("", "-wal"):
        if beside(path, suffix).exists():
            shutil.copyfile(beside(path, suffix), beside(copy, suffix))
    pages = -(-copy.stat().st_size // PAGE_BYTES)
    page[28:32] = pages.to_bytes(4, "big")
    page[32:40] = bytes(8)  # no free pages
    page[92:96] = page[24:28]  # the number of pages is to be believed
    with copy.open("r+b") as file:
        file.write(page)
        file.truncate(max(pages, 1) * PAGE_BYTES)


def _copy(source: sqlite3.Connection, new: sqlite3.Connection, result: Salvage) -> None:
    for table in TABLES:
        found = _small_table(source, table, result)
        rows = [row for row in found if is_sound(table, row)]
        result.unreadable += len(found) - len(rows)
        with new:
            for row in rows:
                marks = ", ".join("?" * len(row))
                new.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608
        if table != "meta":
            result.read[table] = len(rows)
    known = {number for (number,) in new.execute("SELECT id FROM endpoints")}
    newest = number = 0
    rows = []
    for row in _messages(source, result):
        if not is_sound("messages", row) or endpoint_number(row[0]) not in known:
            result.unreadable += 1
            continue
        newest, number = max(newest, row[0] % SEQUENCES), number + 1
        rows.append(row)
        if len(rows) == _ROWS_AT_ONCE:
            _insert(new, rows)
    _insert(new, rows)
    result.read = {"messages": number, **result.read}
    _leap(new, newest)


def _insert(new: sqlite3.Connection, rows: list[Row]) -> None:
    with new:
        new.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", rows)
    rows.clear()


def _leap(new: sqlite3.Connection, newest: int) -> None:
    """Sequence numbers go on above all that were read, and above those that were lost as far as one can tell."""
    row = new.execute("SELECT value FROM meta WHERE name = 'sequence'").fetchone()
    reserved = max(int(row[0]) if row is not None else 0, newest + 1)
    with new:
        new.execute("INSERT OR REPLACE INTO meta VALUES ('sequence', ?)", (str(reserved + _SEQUENCE_LEAP),))


def _small_table(source: sqlite3.Connection, table: str, result: Salvage) -> list[Row]:
    """From its beginning, and where that ends too early from its end."""
    rows: dict[Any, Row] = {}
    for direction in ("ASC", "DESC"):
        try:
            for row in source.execute(f"SELECT * FROM {table} ORDER BY 1 {direction}"):  # noqa: S608
                rows[row[0]] = row
        except sqlite3.Error:
            result.unreadable += 1
            continue
        break
    return list(rows.values())


def _messages(source: sqlite3.Connection, result: Salvage) -> Iterator[Row]:
    """All that can be read, in the order of keys; what is between is jumped over."""
    start, gaps = 0, 0
    while gaps <= _MAX_GAPS:
        try:
            for row in source.execute("SELECT * FROM messages WHERE key >= ? ORDER BY key", (start,)):
                if row[0] < start:
                    raise sqlite3.DatabaseError("keys out of order")
                start = row[0] + 1
                yield row
        except sqlite3.Error:
            # The cursor looks one row ahead, so the one before the break has not been seen yet.
            row = _first_from(source, start)
            if row is not None:
                start = row[0] + 1
                yield row
                continue
            gaps += 1
            result.unreadable += 1
            beyond = _next_readable(source, start)
            if beyond is None:
                return
            start = beyond
        else:
            return


def _next_readable(source: sqlite3.Connection, start: int) -> int | None:
    """The least key from which on a row can be read again; None when there is none."""
    step = 1
    while _first_from(source, start + step) is None:
        step *= 2
        if start + step >= 1 << 63:
            return None
    low, high = start + step // 2, start + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _first_from(source, middle) is None else (low, middle)
    return high


def _first_from(source: sqlite3.Connection, start: int) -> Row | None:
    """The first message with this key or a greater one; None when there is none that can be read."""
    try:
        row: Row | None = source.execute(
            "SELECT * FROM messages WHERE key >= ? ORDER BY key LIMIT 1", (start,)
        ).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None or row[0] < start else row
