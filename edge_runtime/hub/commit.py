"""Group commit: one thread owns the database's writing connection.

Work that arrives while a commit is on its way to the disk becomes the next commit, so a slow disk
makes batches larger rather than the hub slower. Nobody is told before COMMIT has returned: SQLite in WAL
mode with synchronous=FULL has then synced, and a full disk shows itself at COMMIT, not at INSERT.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

from edge_runtime.hub.database import bytes_used_and_free, fold_log, shrink

logger = logging.getLogger(__name__)

_LINGER_S = 0.001
_LAZY_WORK_DELAY_S = 0.05
_RETRY_S = 0.5
MUCH_FREE_BYTES = 64 * 1024 * 1024
LITTLE_BYTES = 8 * 1024 * 1024
"""With so much free and so little in use the file is made small: a tenth of a second, once after a long backlog."""
# The last: there was no room for the index of the write-ahead log.
NO_SPACE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR_SHMSIZE)


@dataclass(slots=True)
class _Work:
    sql: str
    rows: Sequence[Sequence[Any]]
    done: Callable[[], None] | None
    grows: bool = False


@dataclass(slots=True)
class CommitStatistics:
    """Counters for metrics and tests; written by the commit thread alone.

    `disk_full` counts episodes. `used_bytes` is what the pages in use take in the database's file; pages that
    deleted rows have left are not among them, for they are used again before the file grows.
    """

    commits: int = 0
    rows: int = 0
    disk_full: int = 0
    full_since: float | None = field(default=None)
    used_bytes: int = 0


class CommitThread:
    """Runs SQL in batches on its own thread and calls back on the event loop after each commit.

    Args:
        connect: opens the writing connection, called on the thread.
        loop: where `done` callbacks run, in the order in which the work was submitted.
        failed: called on the loop when the database cannot be written for another reason than a full disk
            (I/O error, corruption), and what was not committed is never acknowledged; or when a `done`
            raised, and what is in memory may not agree with the disk any more. The process must end.

    While the disk is full, work that `grows` the store waits, and all other is done as far as it can be: what
    has been delivered is deleted, and makes room. `space_changed` is called on the loop when the disk has
    become full or has space again, and after every commit while `tell_space` is set.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        loop: asyncio.AbstractEventLoop,
        failed: Callable[[Exception], None],
    ) -> None:
        self.statistics = CommitStatistics()
        self._connect = connect
        self._loop = loop
        self._failed = failed
        self._urgent: deque[_Work] = deque()
        self._lazy: deque[_Work] = deque()
        self._held: list[_Work] = []
        self._free_bytes = 0
        self._shrink_at_bytes = MUCH_FREE_BYTES
        self._shrinking = False
        self.space_changed: Callable[[], None] = lambda: None
        self.tell_space = False
        self._wake = threading.Event()
        self._stopping = False
        self._lazy_timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._run, name="hub-commit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(
        self,
        sql: str,
        rows: Sequence[Sequence[Any]],
        done: Callable[[], None] | None,
        *,
        grows: bool = False,
    ) -> None:
        """Run `sql` for each row in the next commit; `done` is called on the loop when it is durable.

        With `grows` it waits while the disk is full, and what is submitted after it may come first.
        """
        self._urgent.append(_Work(sql, rows, done, grows))
        if not self._wake.is_set():
            self._wake.set()

    def submit_lazily(
        self, sql: str, rows: Sequence[Sequence[Any]], done: Callable[[], None] | None = None
    ) -> None:
        """Ride on the next commit, at most 50 ms late. For deletes: a crash before it means a duplicate."""
        self._lazy.append(_Work(sql, rows, done))
        if self._lazy_timer is None:
            self._lazy_timer = self._loop.call_later(_LAZY_WORK_DELAY_S, self._wake_for_lazy_work)

    def hurry(self) -> None:
        """Commit what was submitted lazily as soon as the thread can."""
        self._wake.set()

    def _wake_for_lazy_work(self) -> None:
        self._lazy_timer = None
        if self._lazy:
            self._wake.set()

    async def run(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """`submit`, awaited until durable."""
        finished: asyncio.Future[None] = self._loop.create_future()

        def done() -> None:
            if not finished.done():
                finished.set_result(None)

        self.submit(sql, rows, done)
        await finished

    def stop(self) -> None:
        """Commit everything that was submitted, then end the thread."""
        if self._lazy_timer is not None:
            self._lazy_timer.cancel()
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            connection = self._connect()
            try:
                self._work(connection)
            finally:
                connection.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the hub must not acknowledge any more
            self._call_loop(self._failed, error)

    def _work(self, connection: sqlite3.Connection) -> None:
        last_batch = 0
        while True:
            self._wake.wait(_RETRY_S if self._held or self._shrinking else None)
            if last_batch > 1 and not self._stopping:
                # A burst is under way: a moment of patience makes the next sync carry more messages.
                time.sleep(_LINGER_S)
            self._wake.clear()
            stopping = self._stopping
            batch = list(_drain(self._urgent))
            last_batch = len(batch)
            work = [*self._held, *_drain(self._lazy), *batch]
            if work:
                self._held = self._commit(connection, work)
            if not (self._urgent or self._held):
                self._shrink(connection)
            if stopping and not self._urgent and not self._lazy:
                return

    def _shrink(self, connection: sqlite3.Connection) -> None:
        """Make the file small when it has become nearly empty; while others read it, that comes later."""
        try:
            if self._free_bytes >= self._shrink_at_bytes and self.statistics.used_bytes <= LITTLE_BYTES:
                shrink(connection)
                self._free_bytes, self._shrinking = 0, True
            if self._shrinking:
                self._shrinking = not fold_log(connection)
        except sqlite3.OperationalError as error:
            logger.warning("The store's file stays as large as it is: %s", error)
            self._shrink_at_bytes, self._shrinking = 2 * self._free_bytes, False

    def _commit(self, connection: sqlite3.Connection, work: list[_Work]) -> list[_Work]:
        """What there was no space for."""
        try:
            self._transact(connection, work)
        except sqlite3.OperationalError as error:
            self._note_full(error)
            growing, rest = [w for w in work if w.grows], [w for w in work if not w.grows]
            if rest:
                rest = self._squeeze(connection, rest)
            if growing or rest:
                if self._stopping:
                    raise
                return [*rest, *growing]
        if self.statistics.full_since is not None:
            self.statistics.full_since = None
            logger.warning("The store can be written again.")
            self._call_loop(self._tell, None)
        elif self.tell_space:
            self._call_loop(self._tell, None)
        return []

    def _squeeze(self, connection: sqlite3.Connection, work: list[_Work]) -> list[_Work]:
        """Commit it where messages had no space; what not even that could be done for."""
        try:
            self._transact(connection, work)
        except sqlite3.OperationalError as error:
            self._note_full(error)
            with contextlib.suppress(sqlite3.OperationalError):
                # The next commit may then write over the log from its beginning.
                fold_log(connection)
            return work
        return []

    def _transact(self, connection: sqlite3.Connection, work: list[_Work]) -> None:
        with connection:
            for sql, alike in groupby(work, attrgetter("sql")):
                connection.executemany(sql, chain.from_iterable(item.rows for item in alike))
            used_bytes, self._free_bytes = bytes_used_and_free(connection)
        statistics = self.statistics
        statistics.used_bytes = used_bytes
        statistics.commits += 1
        statistics.rows += sum(len(item.rows) for item in work)
        callbacks = [item.done for item in work if item.done is not None]
        if callbacks:
            self._call_loop(self._call_all, callbacks)

    def _note_full(self, error: sqlite3.OperationalError) -> None:
        """Raises the error when it is another one."""
        if error.sqlite_errorcode not in NO_SPACE:
            raise error
        if self.statistics.full_since is None:
            self.statistics.full_since = time.time()
            self.statistics.disk_full += 1
            logger.error("The store cannot be written (%s): nothing is acknowledged until it can.", error)
            self._call_loop(self._tell, None)

    def _tell(self, _: None) -> None:
        self.space_changed()

    def _call_all(self, callbacks: list[Callable[[], None]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception as error:
                logger.exception("What followed a commit went wrong")
                self._failed(error)

    def _call_loop(self, function: Callable[[Any], None], argument: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, argument)
        except RuntimeError:
            logger.debug("The event loop has closed; nobody is left to tell.")


def _drain(queue: deque[_Work]) -> Iterable[_Work]:
    # popleft, one by one: swapping the deque for a new one can lose what another thread appends meanwhile.
    try:
        while True:
            yield queue.popleft()
    except IndexError:
        return
