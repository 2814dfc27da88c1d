"""Delivery to one input of one module."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from edge_runtime.hub.endpoint import EndpointQueues
from edge_runtime.hub.ports import Link
from edge_runtime.hub.queue_store import QueueStore, Stored

logger = logging.getLogger(__name__)

WINDOW = 16
ACK_TIMEOUT_S = 30.0


class ModuleDelivery:
    """Sends in order, at most `WINDOW` unconfirmed, and removes each message when it is confirmed.

    edgeHub keeps one message in flight (spec B.4); sixteen keep the order as well and save a round trip
    each. After a lost connection, or 30 s without a confirmation of the oldest, everything unconfirmed
    is sent again in order, before anything new: a duplicate is a replay of at most the window.
    """

    def __init__(
        self,
        input_name: str,
        queues: EndpointQueues,
        store: QueueStore,
        delivered: Callable[[Stored, bool], None],
    ) -> None:
        self.queues = queues
        self._input = input_name
        self._store = store
        self._delivered = delivered
        self._link: Link | None = None
        self._in_flight: dict[int, Stored] = {}
        self._again: deque[Stored] = deque()
        self._redelivered: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._progress_at = 0.0
        queues.wake = self.pump

    @property
    def unconfirmed(self) -> int:
        return len(self._in_flight) + len(self._again)

    def attach(self, link: Link) -> None:
        """The module is connected and listens to its inputs."""
        if self._link is not link:
            self.detach()
            self._link = link
        self.pump()

    def detach(self) -> None:
        self._link = None
        self._rewind()
        self._stop_timer()

    def pump(self) -> None:
        """Send what may be sent now."""
        link = self._link
        if link is None:
            return
        while len(self._in_flight) < WINDOW and link.writable:
            redelivery = bool(self._again)
            stored = self._again.popleft() if redelivery else self.queues.next()
            if stored is None:
                break
            self._send(link, stored, redelivery=redelivery)

    def _send(self, link: Link, stored: Stored, *, redelivery: bool) -> None:
        key = stored.key
        self._in_flight[key] = stored
        if redelivery:
            self._redelivered.add(key)
        if self._timer is None:
            self._progress_at = asyncio.get_running_loop().time()
            self._start_timer(ACK_TIMEOUT_S)
        link.deliver(self._input, stored.message, redelivery=redelivery, acked=lambda: self._acked(link, key))

    def _acked(self, link: Link, key: int) -> None:
        if link is not self._link:
            return
        stored = self._in_flight.pop(key, None)
        if stored is None:
            return
        self._store.remove([key])
        redelivery = key in self._redelivered
        self._redelivered.discard(key)
        self._delivered(stored, redelivery)
        self._progress_at = asyncio.get_running_loop().time()
        self.pump()

    def _rewind(self) -> None:
        if self._in_flight:
            self._again = deque(sorted([*self._in_flight.values(), *self._again], key=lambda s: s.key))
            self._in_flight.clear()

    def _start_timer(self, after_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(after_s, self._check_progress)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_progress(self) -> None:
        # One timer that looks back, instead of one set and cancelled for each message.
        self._timer = None
        if not self._in_flight:
            return
        waited = asyncio.get_running_loop().time() - self._progress_at
        if waited < ACK_TIMEOUT_S:
            self._start_timer(ACK_TIMEOUT_S - waited)
            return
        logger.warning(
            "%s: no confirmation for %.0f s, sending %d again", self.queues.name, waited, self.unconfirmed
        )
        self._rewind()
        self.pump()
