from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.hub import confirmations as module
from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.confirmations import Confirmations
from edge_runtime.hub.database import open_database
from edge_runtime.hub.queue_store import QueueStore, Stored
from tests.hub.messages import append
from tests.patience import PATIENCE_S


@contextmanager
def crashed(database: Path, commits: CommitThread) -> Iterator[Confirmations]:
    """Confirmations of a process that dies at the end: what was submitted lazily never comes to the disk."""
    with closing(open_database(database)) as connection:
        confirmations = Confirmations(database, connection, commits)
    yield confirmations
    commits._lazy.clear()
    confirmations.close()


def started(database: Path, commits: CommitThread) -> None:
    """What the next start does."""
    with closing(open_database(database)) as connection:
        Confirmations(database, connection, commits).close()


def keys(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM messages ORDER BY key")]


async def stored(store: QueueStore, count: int) -> list[Stored]:
    return [await append(store, n) for n in range(count)]


async def confirmed(database: Path, store: QueueStore, commits: CommitThread, count: int) -> list[Stored]:
    """So many messages that are stored, confirmed and, at the crash, not deleted yet."""
    rows = await stored(store, count)
    with crashed(database, commits) as confirmations:
        confirmations.add(rows)
    return rows


def execute(database: Path, statement: str, *parameters: int) -> None:
    with closing(open_database(database)) as connection, connection:
        connection.execute(statement, parameters)


async def test_a_start_deletes_what_was_confirmed_before_the_crash(
    database: Path, store: QueueStore, commits: CommitThread
) -> None:
    rows = await stored(store, 5)
    with crashed(database, commits) as confirmations:
        confirmations.add(rows[1:3])
        confirmations.add(rows[3:4])
    assert len(keys(database)) == 5
    started(database, commits)
    assert keys(database) == [rows[0].key, rows[4].key]


async def test_the_ring_goes_on_at_its_beginning(
    database: Path, store: QueueStore, commits: CommitThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENTRIES", 8)
    rows = await stored(store, 14)
    with crashed(database, commits) as confirmations:
        for first in (0, 3, 6, 9):
            confirmations.add(rows[first : first + 3])
    started(database, commits)
    assert keys(database) == [row.key for row in (*rows[:4], *rows[12:])], "the last eight of twelve"


async def test_a_message_of_another_store_under_the_same_key_stays(
    database: Path, store: QueueStore, commits: CommitThread
) -> None:
    (row,) = await confirmed(database, store, commits, 1)
    execute(database, "UPDATE messages SET body = x'616e6f74686572'")
    started(database, commits)
    assert keys(database) == [row.key]


async def test_a_ring_of_an_earlier_store_is_emptied_before_messages_come(
    database: Path, store: QueueStore, commits: CommitThread
) -> None:
    (row,) = await confirmed(database, store, commits, 1)
    execute(database, "DELETE FROM messages")
    started(database, commits)
    store.append([("edge/classifier/frames", 0, None)], row.message, lambda _: None)
    await commits.run("INSERT INTO meta VALUES ('all', 'committed')", [()])
    execute(database, "UPDATE messages SET key = ?", row.key)
    started(database, commits)
    assert keys(database) == [row.key]


@pytest.mark.parametrize("content", [b"x" * 65536, b"\x01" * 17, b"\0" * 8, bytes(range(256)) * 300])
async def test_a_ring_that_is_none_deletes_nothing(
    database: Path, store: QueueStore, commits: CommitThread, content: bytes
) -> None:
    rows = await stored(store, 3)
    ring = database.with_name("hub.db-confirmed")
    ring.write_bytes(content)
    started(database, commits)
    assert keys(database) == [row.key for row in rows]
    assert ring.read_bytes()[:65536] == bytes(65536)


async def test_without_a_ring_deletions_ride_on_commits_all_the_same(
    database: Path, store: QueueStore, commits: CommitThread, caplog: pytest.LogCaptureFixture
) -> None:
    database.with_name("hub.db-confirmed").mkdir()
    rows = await stored(store, 2)
    with closing(open_database(database)) as connection:
        confirmations = Confirmations(database, connection, commits)
    assert "hub.db-confirmed cannot be used (Is a directory)" in caplog.text
    confirmations.add(rows)
    async with asyncio.timeout(PATIENCE_S):
        while keys(database):
            await asyncio.sleep(0.02)


async def test_the_ring_is_nobody_else_s_to_read(database: Path, commits: CommitThread) -> None:
    started(database, commits)
    assert database.with_name("hub.db-confirmed").stat().st_mode & 0o777 == 0o600


class Full(sqlite3.Connection):
    def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error


async def test_a_full_disk_keeps_no_hub_from_starting(
    database: Path, store: QueueStore, commits: CommitThread, caplog: pytest.LogCaptureFixture
) -> None:
    await confirmed(database, store, commits, 2)
    with closing(sqlite3.connect(database, factory=Full)) as connection:
        Confirmations(database, connection, commits).close()
    assert "2 messages that were confirmed come again: database or disk is full" in caplog.text
    assert caplog.records[-1].levelno == logging.WARNING


async def test_a_message_of_another_store_with_the_same_key_and_content_stays(
    database: Path, store: QueueStore, commits: CommitThread
) -> None:
    (row,) = await confirmed(database, store, commits, 1)
    execute(database, "UPDATE meta SET value = 'another run' WHERE name = 'confirmations'")
    started(database, commits)
    assert keys(database) == [row.key]


async def test_a_copy_of_the_store_is_another_one_as_soon_as_it_has_run(
    database: Path, store: QueueStore, commits: CommitThread
) -> None:
    (row,) = await stored(store, 1)
    started(database, commits)
    with closing(sqlite3.connect(":memory:")) as copy, closing(sqlite3.connect(database)) as connection:
        connection.backup(copy)
        with crashed(database, commits) as confirmations:
            confirmations.add([row])
        copy.backup(connection)
    started(database, commits)
    assert keys(database) == [row.key]


async def test_a_run_that_finds_the_disk_full_confirms_under_the_mark_before(
    database: Path, store: QueueStore, commits: CommitThread
) -> None:
    rows = await stored(store, 2)
    started(database, commits)
    with closing(sqlite3.connect(database, factory=Full)) as connection:
        confirmations = Confirmations(database, connection, commits)
    confirmations.add(rows[:1])
    commits._lazy.clear()
    confirmations.close()
    started(database, commits)
    assert keys(database) == [rows[1].key]


async def test_a_disk_that_does_not_keep_up_stops_delivery_until_it_does(
    database: Path, store: QueueStore, commits: CommitThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_AT", 3)
    rows = await stored(store, 4)
    resumed = asyncio.Event()
    with closing(open_database(database)) as connection:
        confirmations = Confirmations(database, connection, commits)
    locked = sqlite3.connect(database)
    locked.execute("BEGIN IMMEDIATE")  # no commit comes through
    confirmations.add(rows[:2])
    assert confirmations.has_room(resumed.set)
    confirmations.add(rows[2:])
    assert not confirmations.has_room(resumed.set)
    await asyncio.sleep(0.1)
    assert not resumed.is_set()
    locked.close()
    await asyncio.wait_for(resumed.wait(), PATIENCE_S)
    assert confirmations.has_room(resumed.clear)
    assert keys(database) == []
    confirmations.close()
