"""Cloud-to-device messages: a durable queue for each device, from which the hub takes while the device listens.

The limits are IoT Hub's: 50 messages a device of at most 64 KB, which live an hour unless told otherwise and at most
two days, and are given up after ten deliveries that nobody confirmed (spec B.6, E.6, F.8).

DeviceboundError
├── QueueFullError       the device has 50 messages waiting
└── TooLargeError        body and properties are larger than 64 KB
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from edge_runtime.iothub.message_size import counted_bytes
from edge_runtime.iothub.store import StoreRefusedError, StoreUnusableError

_log = logging.getLogger(__name__)

MOST_WAITING = 50
MOST_BYTES = 64 * 1024
MOST_DELIVERIES = 10
DEFAULT_LIFE_S = 3600.0
MOST_LIFE_S = 2 * 24 * 3600.0
_SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS devicebound (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    expires REAL NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 0,
    application TEXT NOT NULL,
    system TEXT NOT NULL,
    body BLOB NOT NULL
);
"""
_T = TypeVar("_T")


class DeviceboundError(Exception):
    """Root of this queue's refusals."""


class QueueFullError(DeviceboundError):
    def __init__(self, device: str) -> None:
        super().__init__(f"{MOST_WAITING} messages wait for {device} already, which is the most")


class TooLargeError(DeviceboundError):
    def __init__(self, size: int) -> None:
        super().__init__(f"body and properties have {size} bytes; at most {MOST_BYTES} are allowed")


@dataclass(frozen=True, slots=True)
class DeviceboundMessage:
    """`system` has edgeHub's internal names (spec B.3); `expires` is in Unix seconds; `deliveries` counts this one."""

    application: Mapping[str, str | None]
    system: Mapping[str, str | None]
    body: bytes = field(repr=False)
    expires: float
    sequence: int = 0
    deliveries: int = 0

    @property
    def size(self) -> int:
        """Bytes of body, names and values."""
        return counted_bytes(self.body, self.application, self.system)


@dataclass(slots=True)
class _Waiting:
    """What is known of a message without reading it."""

    sequence: int
    expires: float
    deliveries: int


class Devicebound:
    """The queues of all devices, in one table. Belongs to one event loop; the disk is touched on threads."""

    def __init__(self, path: Path) -> None:
        """Raises StoreUnusableError."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            # Only one call at a time uses it, in whatever thread.
            self._connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
            self._connection.executescript(_SCHEMA)
            rows = self._connection.execute(
                "SELECT device, sequence, expires, deliveries FROM devicebound ORDER BY sequence"
            ).fetchall()
        except (OSError, sqlite3.Error) as error:
            raise StoreUnusableError(
                f"{path}: the messages for devices cannot be read ({error}); "
                "mend its folder, or move the file away to start without"
            ) from error
        self._path = path
        self._lock = asyncio.Lock()
        self._queues: defaultdict[str, list[_Waiting]] = defaultdict(list)
        for device, *waiting in rows:
            self._queues[device].append(_Waiting(*waiting))
        self._arrivals: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._closed = False

    def count(self, device: str) -> int:
        """How many messages wait for the device."""
        now = time.time()
        return sum(one.expires > now for one in self._queues.get(device, ()))

    async def put(self, device: str, message: DeviceboundMessage) -> None:
        """Durable on return. Raises QueueFullError, TooLargeError, StoreRefusedError."""
        if message.size > MOST_BYTES:
            raise TooLargeError(message.size)
        async with self._lock:
            await self._drop_expired(device)
            if len(self._queues[device]) >= MOST_WAITING:
                raise QueueFullError(device)
            row = (device, message.expires, *map(_json, (message.application, message.system)), message.body)
            sequence = await self._write(
                "INSERT INTO devicebound (device, expires, application, system, body) VALUES (?, ?, ?, ?, ?)",
                row,
            )
            self._queues[device].append(_Waiting(sequence, message.expires, 0))
        self._arrivals[device].set()

    async def take(
        self, device: str, wait_s: float, wanted: Callable[[], bool] = lambda: True
    ) -> DeviceboundMessage | None:
        """The oldest message, which stays until it is completed; None when none comes within `wait_s`.

        `wanted` tells, after the wait, whether somebody is still there to take it: what nobody hears is no
        delivery. Raises StoreRefusedError.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not self._closed and not self.count(device):
                    self._arrivals[device].clear()
                    await self._arrivals[device].wait()
        if self._closed:
            return None
        async with self._lock:
            await self._drop_expired(device)
            return await self._first(device) if wanted() else None

    async def complete(self, device: str, sequence: int) -> None:
        """It has been delivered; of one that is not there any more nothing is said. Raises StoreRefusedError."""
        async with self._lock:
            await self._delete(device, [sequence])

    async def purge(self, device: str) -> int:
        """How many messages were deleted. Raises StoreRefusedError."""
        async with self._lock:
            sequences = [one.sequence for one in self._queues[device]]
            await self._delete(device, sequences)
            return len(sequences)

    def end_waiting(self) -> None:
        """Nobody gets a message any more, and nobody waits for one."""
        self._closed = True
        for arrival in self._arrivals.values():
            arrival.set()

    async def close(self) -> None:
        """What was begun is finished."""
        self.end_waiting()
        async with self._lock:
            self._connection.close()

    async def _first(self, device: str) -> DeviceboundMessage | None:
        while queue := self._queues[device]:
            first = queue[0]
            if first.deliveries < MOST_DELIVERIES:
                return await self._deliver(first)
            _log.warning(
                "A message for %s was delivered %d times and never confirmed", device, first.deliveries
            )
            await self._delete(device, [first.sequence])
        return None

    async def _deliver(self, first: _Waiting) -> DeviceboundMessage:
        count = first.deliveries + 1
        await self._write("UPDATE devicebound SET deliveries = ? WHERE sequence = ?", (count, first.sequence))
        first.deliveries = count
        application, system, body = await self._run(
            lambda connection: connection.execute(
                "SELECT application, system, body FROM devicebound WHERE sequence = ?", (first.sequence,)
            ).fetchone()
        )
        return DeviceboundMessage(
            application=json.loads(application),
            system=json.loads(system),
            body=body,
            expires=first.expires,
            sequence=first.sequence,
            deliveries=count,
        )

    async def _drop_expired(self, device: str) -> None:
        now = time.time()
        expired = [one.sequence for one in self._queues[device] if one.expires <= now]
        if expired:
            _log.info("%d messages for %s expired before it took them", len(expired), device)
            await self._delete(device, expired)

    async def _delete(self, device: str, sequences: list[int]) -> None:
        marks = ",".join("?" * len(sequences))
        statement = f"DELETE FROM devicebound WHERE device = ? AND sequence IN ({marks})"  # noqa: S608
        await self._write(statement, (device, *sequences))
        self._queues[device] = [one for one in self._queues[device] if one.sequence not in sequences]

    async def _write(self, statement: str, row: tuple[Any, ...]) -> int:
        def write(connection: sqlite3.Connection) -> int:
            with connection:
                return connection.execute(statement, row).lastrowid or 0

        return await self._run(write)

    async def _run(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return await asyncio.to_thread(function, self._connection)
        except sqlite3.Error as error:
            raise StoreRefusedError(f"{self._path}: {error}") from error


def _json(properties: Mapping[str, str | None]) -> str:
    return json.dumps(dict(properties))
