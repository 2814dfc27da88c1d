from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.database import open_database
from tests.patience import PATIENCE_S

INSERT = "INSERT INTO meta VALUES (?, ?)"


async def test_a_callback_runs_only_when_another_connection_can_read_the_row(
    database: Path, commits: CommitThread
) -> None:
    reader = sqlite3.connect(database)
    seen: list[bool] = []
    finished = asyncio.Event()
    for number in range(200):

        def done(name: str = f"k{number}") -> None:
            row = reader.execute("SELECT 1 FROM meta WHERE name = ?", (name,)).fetchone()
            seen.append(row is not None)
            if len(seen) == 200:
                finished.set()

        commits.submit(INSERT, [(f"k{number}", "v")], done)
    await finished.wait()
    reader.close()
    assert all(seen)


async def test_callbacks_keep_the_order_of_submission(commits: CommitThread) -> None:
    order: list[int] = []
    for number in range(500):
        commits.submit(INSERT, [(f"k{number}", "v")], lambda n=number: order.append(n))  # type: ignore[misc]
        if number % 50 == 0:
            await asyncio.sleep(0)
    await commits.run(INSERT, [("last", "v")])
    assert order == list(range(500))


async def test_messages_that_arrive_during_a_commit_share_the_next_one(commits: CommitThread) -> None:
    await asyncio.gather(*(commits.run(INSERT, [(f"k{n}", "v")]) for n in range(1000)))
    assert commits.statistics.commits < 100


async def test_lazy_work_is_done_without_urgent_work(database: Path, commits: CommitThread) -> None:
    await commits.run(INSERT, [("doomed", "v")])
    commits.submit_lazily("DELETE FROM meta WHERE name = ?", [("doomed",)])
    reader = sqlite3.connect(database)
    async with asyncio.timeout(PATIENCE_S):
        while reader.execute("SELECT count(*) FROM meta").fetchone()[0]:
            await asyncio.sleep(0.02)
    reader.close()


async def test_stop_commits_what_was_submitted(database: Path) -> None:
    thread = CommitThread(lambda: open_database(database), asyncio.get_running_loop(), lambda _: None)
    thread.start()
    for number in range(100):
        thread.submit(INSERT, [(f"k{number}", "v")], None)
    thread.stop()
    reader = sqlite3.connect(database)
    assert reader.execute("SELECT count(*) FROM meta").fetchone()[0] == 100
    reader.close()


async def test_a_broken_database_is_reported_once_and_nothing_is_called_back(database: Path) -> None:
    failures: list[Exception] = []
    thread = CommitThread(lambda: open_database(database), asyncio.get_running_loop(), failures.append)
    thread.start()
    called: list[int] = []
    thread.submit("INSERT INTO no_such_table VALUES (?)", [(1,)], lambda: called.append(1))
    async with asyncio.timeout(PATIENCE_S):
        while not failures:
            await asyncio.sleep(0.02)
    thread.stop()
    assert [type(f) for f in failures] == [sqlite3.OperationalError]
    assert called == []


async def test_the_file_becomes_small_when_a_backlog_is_gone(
    database: Path, commits: CommitThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "_shrink_at_bytes", 1024 * 1024)
    monkeypatch.setattr("edge_runtime.hub.commit.LITTLE_BYTES", 256 * 1024)
    rows = [(n, None, "edge/camera", None, "[{},{}]", bytes(4000)) for n in range(1, 1001)]
    await commits.run("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", rows)
    await commits.run("DELETE FROM messages WHERE key <= 900", [()])
    reader = open_database(database)
    reader.execute("PRAGMA wal_checkpoint").fetchone()
    assert database.stat().st_size > 4_000_000, "what is left is too much to be copied"
    reading = reader.execute("SELECT key FROM messages")  # for as long as it reads, the file cannot be cut
    reading.fetchone()
    await commits.run("DELETE FROM messages WHERE key <= 990", [()])
    await asyncio.sleep(0.1)
    assert database.stat().st_size > 4_000_000
    reading.close()
    async with asyncio.timeout(PATIENCE_S):
        while database.stat().st_size > 256 * 1024:
            await asyncio.sleep(0.02)
    assert [key for (key,) in reader.execute("SELECT key FROM messages")] == list(range(991, 1001))
    reader.close()
    await commits.run(INSERT, [("still", "writable")])


class FullOnce(sqlite3.Connection):
    """Has no space for the first fact, and has some the moment after."""

    full = True

    def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        if sql == INSERT and self.full:
            self.full = False
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return super().executemany(sql, rows)


async def test_a_lack_of_space_that_is_over_at_once_keeps_nothing_waiting(database: Path) -> None:
    """Messages are not even submitted while the disk is full, so their commits cannot tell that it is not."""
    told: list[bool] = []
    thread = CommitThread(
        lambda: sqlite3.connect(database, factory=FullOnce), asyncio.get_running_loop(), lambda _: None
    )
    thread.space_changed = lambda: told.append(thread.statistics.full_since is None)
    thread.start()
    async with asyncio.timeout(PATIENCE_S):
        await thread.run(INSERT, [("a", "b")])
        while len(told) < 2:
            await asyncio.sleep(0.01)
    thread.stop()
    assert told[-1]
    assert thread.statistics.disk_full == 1
