"""Finds out, before a store is opened for writing, whether its files are what the last hub left.

SQLite itself drops what follows a broken frame of the write-ahead log without a word, and takes a log that is gone
for one that was never there; what was acknowledged would be missing and nobody would know. So both are looked for
here (formats: sqlite.org/walformat.html, sqlite.org/fileformat2.html).
"""

from __future__ import annotations

import logging
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge_runtime.hub.database import PAGE_BYTES, StoreClaim, is_damage

logger = logging.getLogger(__name__)

CHECKED_BYTES = 8 * 1024 * 1024
"""Stores up to this size are checked whole at each start (some 0.1 s); greater ones as they are read."""
_DATABASE_HEADER = b"SQLite format 3\0"
_WAL_HEADER = struct.Struct(">8I")
_FRAME_HEADER = struct.Struct(">6I")
_LAST_FRAME = struct.Struct("=I")
_LAST_FRAME_OFFSET = 16
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}


def beside(path: Path, suffix: str) -> Path:
    """`hub.db-wal` of `hub.db`."""
    return path.with_name(path.name + suffix)


def find_damage(path: Path, left: str) -> str | None:
    """What is wrong with the store; None when nothing was found, or when it cannot be opened at all.

    Args:
        path: the database's file; its log lies beside it.
        left: how the last hub has left it (StoreClaim).
    """
    if not path.exists():
        return None
    if left.startswith(StoreClaim.DAMAGED):
        return left.removeprefix(StoreClaim.DAMAGED)
    if path.stat().st_size == 0 and not left and not beside(path, "-wal").exists():
        return None  # a first start was interrupted
    return _broken_files(path, left) or _broken_content(path)


def _broken_files(path: Path, left: str) -> str | None:
    if path.stat().st_size == 0:
        return "the file is empty"
    if left == StoreClaim.OPEN and not beside(path, "-wal").exists():
        return "its write-ahead log is missing"
    # SQLite takes what is shorter than a header for an empty file, and writes over it.
    return None if _begins_as_database(path) else "the file is not a database"


def _broken_content(path: Path) -> str | None:
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        ) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            small = path.stat().st_size <= CHECKED_BYTES
            return _broken_log(path) or (_broken_pages(database) if small else None)
    except (sqlite3.Error, OSError) as error:
        return str(error) if is_damage(error) else None


def _begins_as_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_DATABASE_HEADER)) == _DATABASE_HEADER
    except OSError:
        return True  # to open it will tell why it cannot be read


def _broken_pages(database: sqlite3.Connection) -> str | None:
    (finding,) = database.execute("PRAGMA quick_check(1)").fetchone()
    return None if finding == "ok" else " ".join(str(finding).split())


def _broken_log(path: Path) -> str | None:
    """Commits that lie behind the last frame that SQLite takes as whole. A connection must be open."""
    wal = beside(path, "-wal")
    size = wal.stat().st_size if wal.exists() else 0
    if size == 0:
        return None
    if size < _WAL_HEADER.size:
        return "its write-ahead log is cut off"
    with wal.open("rb") as file:
        header = file.read(_WAL_HEADER.size)
        if not _whole(header):
            return "the header of its write-ahead log is damaged"
        salts = _WAL_HEADER.unpack(header)[4:6]
        taken = _last_frame(path)
        commits = sum(
            1
            for number, (_, size_after, *rest) in enumerate(_frames(wal), start=1)
            if number > taken and size_after and tuple(rest[:2]) == salts
        )
    if commits > 1:
        return f"its write-ahead log is damaged, and {commits} commits in it cannot be read"
    if commits == 1:
        logger.warning(
            "%s: the last commit is not whole and was left out. That is what a power cut does to a commit that was "
            "not acknowledged; without one, the disk has damaged it.",
            path,
        )
    return None


def _whole(header: bytes) -> bool:
    """Whether the log's header has its checksum."""
    magic, *_, first, second = _WAL_HEADER.unpack(header)
    order = _MAGIC.get(magic)
    if order is None:
        return False
    sum1 = sum2 = 0
    words = struct.unpack(f"{order}6I", header[:24])
    for low, high in zip(words[::2], words[1::2], strict=True):
        sum1 = (sum1 + low + sum2) & 0xFFFFFFFF
        sum2 = (sum2 + high + sum1) & 0xFFFFFFFF
    return (sum1, sum2) == (first, second)


def _last_frame(path: Path) -> int:
    """The last valid frame of the log, as SQLite has just found it and written in the log's index."""
    with beside(path, "-shm").open("rb") as index:
        index.seek(_LAST_FRAME_OFFSET)
        (number,) = _LAST_FRAME.unpack(index.read(_LAST_FRAME.size))
        return int(number)


def _frames(wal: Path) -> Iterator[tuple[int, ...]]:
    """Each frame's header: page, pages after the commit (0: not the last of one), both salts, both checksums."""
    with wal.open("rb") as file:
        file.seek(_WAL_HEADER.size)
        while len(header := file.read(_FRAME_HEADER.size)) == _FRAME_HEADER.size:
            yield _FRAME_HEADER.unpack(header)
            file.seek(PAGE_BYTES, 1)
