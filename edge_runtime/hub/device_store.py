"""All of a device that is on disk, opened as one: messages, identities, sessions, twins and small facts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.confirmations import Confirmations
from edge_runtime.hub.damage import find_damage
from edge_runtime.hub.database import (
    StoreClaim,
    StoreDamagedError,
    is_damage,
    open_database,
    reading,
)
from edge_runtime.hub.identities import Identities
from edge_runtime.hub.queue_store import LostRowsError, QueueStore
from edge_runtime.hub.salvage import Salvage, finish_salvage, salvage
from edge_runtime.hub.sessions import Sessions
from edge_runtime.hub.soundness import all_sound
from edge_runtime.hub.twins import Twins


class DeviceStore:
    """The parts that share one database and one commit thread. Raises StoreError.

    A store that is damaged is kept aside, and what can be read of it is taken over: `salvaged` says so.

    Args:
        path: the database's file.
        device_id: the edge device.
        failed: called when it cannot be written or read any more; the process must end. When the reason is
            damage, the next start deals with it.
    """

    def __init__(self, path: Path, device_id: str, failed: Callable[[Exception], None]) -> None:
        self.salvaged: Salvage | None = None
        self._path = path
        self._device_id = device_id
        self._tell_failed = failed
        self._claim = StoreClaim(path)
        try:
            self.salvaged = finish_salvage(path, self._claim)
            self._open_or_salvage()
            self._claim.note(StoreClaim.OPEN)
        except BaseException:
            self._claim.release()
            raise
        self.commits.start()

    def _open_or_salvage(self) -> None:
        reason = find_damage(self._path, self._claim.state)
        if reason is None:
            try:
                self._open()
            except StoreDamagedError as error:
                reason = self._reason(error)
            else:
                return
        self.salvaged = salvage(self._path, reason, self._claim)
        self._open()

    def _open(self) -> None:
        path = self._path
        self._connection = open_database(path)
        try:
            loop = asyncio.get_running_loop()
            self.commits = CommitThread(lambda: open_database(path), loop, self.failed)
            with reading(path):
                self.identities = Identities(self._device_id, self._connection, self.commits)
                self.sessions = Sessions(self._connection, self.commits)
                self.twins = Twins(self._connection, self.commits)
                self.meta: dict[str, str] = dict(self._connection.execute("SELECT name, value FROM meta"))
                self.confirmations = Confirmations(path, self._connection, self.commits)
                self.queues = QueueStore(path, self.commits)
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What cannot be read raises StoreDamagedError; the next start deals with it."""
        try:
            with reading(self._path):
                yield
        except StoreDamagedError as error:
            self._claim.note(f"{StoreClaim.DAMAGED}{self._reason(error)}")
            raise

    def failed(self, error: Exception) -> None:
        """It cannot be written or read any more."""
        if isinstance(error, LostRowsError) or (is_damage(error) and not self._is_mistake(error)):
            self._claim.note(f"{StoreClaim.DAMAGED}{error}")
        self._tell_failed(error)

    def _reason(self, error: StoreDamagedError) -> str:
        """What is wrong with the store. Raises what has caused the error when that is not the store's fault."""
        cause = error.__cause__
        if isinstance(cause, Exception) and self._is_mistake(cause):
            raise cause
        return str(cause or error)

    def _is_mistake(self, error: Exception) -> bool:
        """Whether the program is wrong and not the store: what Python raises when a row is nonsense, and none is."""
        return not isinstance(error, (sqlite3.Error, StoreDamagedError)) and all_sound(self._path)

    def close(self) -> None:
        """Write down what is still under way."""
        self.commits.stop()
        self.confirmations.close()
        self.queues.close()
        try:
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy and self._claim.state == StoreClaim.OPEN:
                self._claim.note(StoreClaim.CLEAN)
        except sqlite3.Error as error:
            self.failed(error)
        finally:
            self._connection.close()
            self._claim.release()
