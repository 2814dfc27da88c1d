"""Which messages may be stored now: the limit of the store, and what waits while there is no room."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.message import Message
from edge_runtime.hub.ports import JsonObject, Link
from edge_runtime.hub.queue_store import QueueStore, Stored

logger = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 2048 * 1024 * 1024
RESERVE = 0.1
"""The part of the limit that is kept for endpoints whose messages do not pile up."""
SMALL_QUEUE = 64
"""An endpoint with fewer messages than this does not pile up, when they take less than a quarter of that part."""
_RELIEVED = 0.05

Target = tuple[str, int, float | None]


class StoreStatus(Enum):
    """Why messages wait to be stored."""

    OK = "ok"
    LIMIT = "limit"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class _Waiting:
    copies: Sequence[Target]
    message: Message
    done: Callable[[Sequence[Stored]], None]
    owner: Link | None


class Admission:
    """Stands before the store. What it does not let in is not acknowledged, and tried again with each commit.

    An endpoint that nobody empties must not starve those that flow: the last tenth of the limit is for
    messages whose endpoints have few waiting. Nothing overtakes a message of the same endpoint.

    Args:
        store, commits: where messages go.
        limit_bytes: what the pages in use of the database's file may take. The write-ahead log comes on
            top of it, usually less than 16 MiB.
        queued: endpoint -> its messages that are stored and not confirmed.
    """

    def __init__(
        self, store: QueueStore, commits: CommitThread, limit_bytes: int, queued: Callable[[str], int]
    ) -> None:
        self.status = StoreStatus.OK
        self.episodes: Counter[str] = Counter()
        self._store = store
        self._commits = commits
        self._limit_bytes = limit_bytes
        self._queued = queued
        self._waiting: list[_Waiting] = []
        self._blocked: set[str] = set()
        self._too_large = 0
        self._since = time.time()
        self._changed = asyncio.Event()
        commits.space_changed = self._retry

    @property
    def limit_bytes(self) -> int:
        return self._limit_bytes

    @limit_bytes.setter
    def limit_bytes(self, limit_bytes: int) -> None:
        if limit_bytes != self._limit_bytes:
            logger.info("The store's limit is %d bytes; %d are in use", limit_bytes, self.used_bytes)
            self._limit_bytes = limit_bytes
            self._retry()

    @property
    def used_bytes(self) -> int:
        """What is stored and what is on its way to the disk."""
        return self._commits.statistics.used_bytes + self._store.uncommitted_bytes

    @property
    def waiting(self) -> int:
        """Messages that are not let in yet; their senders have no acknowledgement."""
        return len(self._waiting)

    def can_hold(self, message: Message, copies: int) -> bool:
        """Whether an empty store could take it; what can never be stored must not wait. Told at 1, 10, 100..."""
        size = len(message.body) * copies
        if size <= self._limit_bytes:
            return True
        self._too_large += 1
        if self._too_large == 10 ** (len(str(self._too_large)) - 1):
            logger.error(
                "A message of %s is dropped: its copies take %d bytes, and the store's limit is %d (%d so far)",
                *(message.sender, size, self._limit_bytes, self._too_large),
            )
        return False

    def append(
        self,
        copies: Sequence[Target],
        message: Message,
        done: Callable[[Sequence[Stored]], None],
        owner: Callable[[], Link | None],
    ) -> bool:
        """Store it, now or (False) when there is room; `owner` gives the connection that it came by."""
        if (not self._waiting or self._may_pass(copies)) and self._fits(copies, message):
            self._store.append(copies, message, done)
            return True
        self._waiting.append(_Waiting(copies, message, done, owner()))
        self._blocked.update(endpoint for endpoint, _, _ in copies)
        self._note()
        return False

    def abandon(self, owner: Link) -> None:
        """The connection is gone: its client sends again what was not acknowledged."""
        if self._waiting:
            self._waiting = [entry for entry in self._waiting if entry.owner is not owner]
            self._retry()

    def describe(self) -> JsonObject:
        """For health, observers and reported properties."""
        return {
            "status": self.status.value,
            "usedBytes": self.used_bytes,
            "limitBytes": self._limit_bytes,
            "waiting": len(self._waiting),
            "episodes": dict(self.episodes),
        }

    async def run(self, report: Callable[[JsonObject], Awaitable[object]]) -> None:
        """Report each change of the status until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._since))
            await report(
                {"store": {"status": self.status.value, "since": since, "maxSizeBytes": self._limit_bytes}}
            )

    def _may_pass(self, copies: Sequence[Target]) -> bool:
        return self._blocked.isdisjoint(endpoint for endpoint, _, _ in copies)

    def _fits(self, copies: Sequence[Target], message: Message) -> bool:
        statistics = self._commits.statistics
        if statistics.full_since is not None:
            return False
        used_bytes = self.used_bytes + len(message.body) * len(copies)
        if used_bytes <= (1 - RESERVE) * self._limit_bytes:
            return True
        return used_bytes <= self._limit_bytes and not any(
            self._piles_up(endpoint, len(message.body)) for endpoint, _, _ in copies
        )

    def _piles_up(self, endpoint: str, size: int) -> bool:
        queued = self._queued(endpoint)
        return queued >= SMALL_QUEUE or (queued > 0 and (queued + 1) * size > RESERVE * self._limit_bytes / 4)

    def _retry(self) -> None:
        """Let in what has room now, in the order of arrival for each endpoint."""
        waiting, self._waiting, self._blocked = self._waiting, [], set()
        for entry in waiting:
            if self._may_pass(entry.copies) and self._fits(entry.copies, entry.message):
                self._store.append(entry.copies, entry.message, entry.done)
            else:
                self._waiting.append(entry)
                self._blocked.update(endpoint for endpoint, _, _ in entry.copies)
        self._note()

    def _note(self) -> None:
        status = self._judge()
        watched = self._commits.tell_space
        self._commits.tell_space = bool(self._waiting) or status is not StoreStatus.OK
        if self._waiting and not watched:
            # A commit that made room may have looked before this was set.
            asyncio.get_running_loop().call_soon(self._retry)
        if status is self.status:
            return
        before, self.status, self._since = self.status, status, time.time()
        self._changed.set()
        if status is StoreStatus.OK:
            if before is StoreStatus.LIMIT:
                logger.warning("The store has room again: %d of %d bytes", self.used_bytes, self._limit_bytes)
            return
        self.episodes[status.value] += 1
        if status is StoreStatus.LIMIT:
            logger.error(
                "The store has reached its limit (%d of %d bytes): messages for %s are not acknowledged until "
                "others have been delivered or have expired. The limit is storeLimits.maxSizeBytes of $edgeHub, "
                "without it that of run --store-limit.",
                *(self.used_bytes, self._limit_bytes, ", ".join(sorted(self._blocked))),
            )

    def _judge(self) -> StoreStatus:
        if self._commits.statistics.full_since is not None:
            return StoreStatus.DISK
        if self._waiting:
            return StoreStatus.LIMIT
        relieved_bytes = (1 - RESERVE - _RELIEVED) * self._limit_bytes
        if self.status is StoreStatus.LIMIT and self.used_bytes > relieved_bytes:
            return StoreStatus.LIMIT  # one episode, however often it is just below and just above
        return StoreStatus.OK
