"""Delivery to the cloud: batches, kept and tried again until the other side says they are durable."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from edge_runtime.hub.backoff import Backoff
from edge_runtime.hub.endpoint import EndpointQueues
from edge_runtime.hub.measurements import Measurements
from edge_runtime.hub.ports import HubError
from edge_runtime.hub.queue_store import QueueStore, Stored

logger = logging.getLogger(__name__)

BATCH = 100
_BATCH_BYTES = 2 * 1024 * 1024


class UpstreamError(HubError):
    """The cloud cannot be reached, or cannot take messages now; they are tried again."""


class Upstream(Protocol):
    """The way to the cloud."""

    async def send(self, batch: Sequence[Stored]) -> Mapping[int, str]:
        """Returns when the batch is durable there; sequence -> reason for what it calls invalid.

        Raises UpstreamError when the batch must be sent again.
        """


class UpstreamDelivery:
    """Sends the upstream endpoint's queues in order, with back-off from 1 to 60 s (spec C.12)."""

    def __init__(
        self,
        queues: EndpointQueues,
        store: QueueStore,
        upstream: Upstream,
        delivered: Callable[[Stored, bool, float], None],
        rejected: Callable[[Stored, str], None],
        measured: Measurements,
    ) -> None:
        self.queues = queues
        self.connected = False
        self._away_since: float | None = None
        self._store = store
        self._upstream = upstream
        self._delivered = delivered
        self._rejected = rejected
        self._measured = measured
        self._batch: list[Stored] = []
        self._sent_at = 0.0
        self._answered: Sequence[Stored] = ()
        self._answers: tuple[Mapping[int, str], float] = {}, 0.0
        self._wake = asyncio.Event()
        self._backoff = Backoff()
        queues.wake = self._wake.set

    @property
    def unconfirmed(self) -> int:
        return len(self._batch)

    def pump(self) -> None:
        self._wake.set()

    def retry(self) -> None:
        """The way is free again: do not wait for the end of a pause."""
        self._backoff.end()

    async def run(self) -> None:
        """Deliver until cancelled.

        While the cloud stores a batch, the answer to the one before is dealt with, so both sides work at once.
        """
        try:
            while True:
                self._batch = self._take()
                if not self._batch:
                    self._settle()
                    await self._wake.wait()
                    self._wake.clear()
                    continue
                await self._deliver()
        finally:
            self._settle()

    async def _deliver(self) -> None:
        sending = asyncio.ensure_future(self._send_until_taken())
        try:
            await asyncio.sleep(0)  # until it is on its way
            self._settle()
            rejected = await sending
        finally:
            sending.cancel()
        self._answered, self._answers = self._batch, (rejected, self._sent_at)

    def _settle(self) -> None:
        """Deal with the last answer."""
        answered, self._answered = self._answered, ()
        if answered:
            self._store.remove([stored.key for stored in answered])
        rejected, sent_at = self._answers
        for stored in answered:
            reason = rejected.get(stored.sequence)
            if reason is None:
                self._delivered(stored, False, sent_at)
            else:
                self._rejected(stored, reason)

    def _take(self) -> list[Stored]:
        batch: list[Stored] = []
        size = 0
        while len(batch) < BATCH and size < _BATCH_BYTES and (stored := self.queues.next()) is not None:
            batch.append(stored)
            size += len(stored.message.body)
        return batch

    async def _send_until_taken(self) -> Mapping[int, str]:
        self._backoff.reset()
        while True:
            self._sent_at = time.monotonic()
            try:
                rejected = await self._upstream.send(self._batch) if self._batch else {}
            except UpstreamError as error:
                self._note_away(error)
                await self._backoff.pause()
                # It may have arrived all the same; what nobody wants any more is not sent again.
                self._batch = self.queues.without_expired(self._batch)
            else:
                if self._batch:
                    self._note_taken()
                return rejected

    def _note_away(self, error: UpstreamError) -> None:
        waiting = len(self._batch) + sum(self.queues.lengths.values())
        if self._away_since is None:
            logger.warning("Upstream: %s; %d messages wait", error, waiting)
            self._away_since = self._sent_at
            self._measured.offline_count += 1
        self.connected = False
        self._measured.retries["upstream"].count += 1

    def _note_taken(self) -> None:
        if self._away_since is not None:
            logger.info("Upstream: connected again")
            self._measured.offline.observe(time.monotonic() - self._away_since)
        self.connected, self._away_since = True, None
