"""Delivery to one input of one module."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from edge_runtime.hub.confirmations import Confirmations
from edge_runtime.hub.endpoint import EndpointQueues
from edge_runtime.hub.ports import Link
from edge_runtime.hub.queue_store import Stored

logger = logging.getLogger(__name__)

WINDOW = 16
ACK_TIMEOUT_S = 30.0


class _Sent(NamedTuple):
    """`at` is the loop's time."""

    stored: Stored
    redelivery: bool
    at: float


class ModuleDelivery:
    """Sends in order, at most `WINDOW` unconfirmed, and removes each message when it is confirmed.

    edgeHub keeps one message in flight (spec B.4); sixteen keep the order as well and save a round trip
    each. After a lost connection, or 30 s without a confirmation of the oldest, everything unconfirmed
    is sent again in order, before anything new: a duplicate is a replay of at most the window.
    The same is true after a crash of the hub: a place in the window is free when the confirmation has been written
    down, not sooner. Those of one turn of the loop are written at once.
    """

    def __init__(
        self,
        input_name: str,
        queues: EndpointQueues,
        confirmations: Confirmations,
        delivered: Callable[[Stored, bool, float], None],
        ack_timeout_s: float | None = None,
    ) -> None:
        self.queues = queues
        self._input = input_name
        self._confirmations = confirmations
        self._delivered = delivered
        self._ack_timeout_s = ack_timeout_s
        self._link: Link | None = None
        self._in_flight: dict[int, _Sent] = {}
        self._confirmed: list[Stored] = []
        self._again: deque[Stored] = deque()
        self._timer: asyncio.TimerHandle | None = None
        queues.wake = self.pump

    @property
    def _patience_s(self) -> float:
        return ACK_TIMEOUT_S if self._ack_timeout_s is None else self._ack_timeout_s

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
        self._settle()
        self._rewind()
        self._stop_timer()

    def pump(self) -> None:
        """Send what may be sent now."""
        link = self._link
        if link is None or not self._confirmations.has_room(self.pump):
            return
        while len(self._in_flight) + len(self._confirmed) < WINDOW and link.writable:
            redelivery = bool(self._again)
            stored = self._again.popleft() if redelivery else self.queues.next()
            if stored is None:
                break
            self._send(link, stored, redelivery=redelivery)

    def _send(self, link: Link, stored: Stored, *, redelivery: bool) -> None:
        key = stored.key
        loop = asyncio.get_running_loop()
        self._in_flight[key] = _Sent(stored, redelivery, loop.time())
        if self._timer is None:
            self._timer = loop.call_later(self._patience_s, self._check_oldest)
        link.deliver(self._input, stored.message, redelivery=redelivery, acked=lambda: self._acked(link, key))

    def _acked(self, link: Link, key: int) -> None:
        if link is not self._link:
            return
        sent = self._in_flight.pop(key, None)
        if sent is None:
            return
        if not self._confirmed:
            asyncio.get_running_loop().call_soon(self._settle)
        self._confirmed.append(sent.stored)
        self._delivered(sent.stored, sent.redelivery, sent.at)

    def _settle(self) -> None:
        if self._confirmed:
            confirmed, self._confirmed = self._confirmed, []
            self._confirmations.add(confirmed)
            self.pump()

    def _rewind(self) -> None:
        if self._in_flight:
            unconfirmed = [*(sent.stored for sent in self._in_flight.values()), *self._again]
            self._again = deque(sorted(unconfirmed, key=lambda stored: stored.key))
            self._in_flight.clear()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_oldest(self) -> None:
        # One timer that looks back, instead of one set and cancelled for each message.
        self._timer = None
        if not self._in_flight:
            return
        loop = asyncio.get_running_loop()
        waited = loop.time() - next(iter(self._in_flight.values())).at
        if waited < self._patience_s:
            self._timer = loop.call_later(self._patience_s - waited, self._check_oldest)
            return
        logger.warning(
            "%s: no confirmation for %.0f s, sending %d again", self.queues.name, waited, self.unconfirmed
        )
        self._rewind()
        self.pump()
