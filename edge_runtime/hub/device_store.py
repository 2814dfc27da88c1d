"""All of a device that is on disk, opened as one: messages, identities, sessions, twins and small facts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.database import StoreClaim, open_database, reading
from edge_runtime.hub.identities import Identities
from edge_runtime.hub.queue_store import QueueStore
from edge_runtime.hub.sessions import Sessions
from edge_runtime.hub.twins import Twins


class DeviceStore:
    """The parts that share one database and one commit thread. Raises StoreError.

    Args:
        path: the database's file.
        device_id: the edge device.
        failed: called when it cannot be written any more; the process must end.
    """

    def __init__(self, path: Path, device_id: str, failed: Callable[[Exception], None]) -> None:
        self._claim = StoreClaim(path)
        try:
            self._connection = open_database(path)
            loop = asyncio.get_running_loop()
            self.commits = CommitThread(lambda: open_database(path), loop, failed)
            with reading(path):
                self.queues = QueueStore(path, self.commits)
                self.identities = Identities(device_id, self._connection, self.commits)
                self.sessions = Sessions(self._connection, self.commits)
                self.twins = Twins(self._connection, self.commits)
                self.meta: dict[str, str] = dict(self._connection.execute("SELECT name, value FROM meta"))
        except BaseException:
            self._claim.release()
            raise
        self.commits.start()

    def close(self) -> None:
        """Write down what is still under way."""
        self.commits.stop()
        self.queues.close()
        self._connection.close()
        self._claim.release()
