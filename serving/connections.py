"""The open connections of a worker: how many there may be, and which of them go when others wait for a place.

A connection that waits costs nothing but its place in the kernel's queue. One that is taken may bring a request,
and a request that is refused costs a part of what an answered one does. So the number of places, by
the time for which a refusal holds its place (`SERVING_REFUSAL_PAUSE_S`), bounds what refusals take of the processor.

Nobody keeps a place for long while others wait. First go those that were refused, with their answer. Those
without a request under way, be it that they are idle, send a head byte by byte or a body that is answered already, go
after `SPARE_S`; those that are answered, with the first answer after `TURN_S`. Hence a connection that waits gets its
place, and a probe its answer, within `TURN_S` and an answer's time for every `most` that wait before it in the
kernel's queue, which is shorter than that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from serving.metrics import CONNECTIONS, MADE_ROOM

SPARE_S = 1.0
"""A request may be on its way over a connection that is idle for less."""
TURN_S = 5.0
"""Shorter, and who is served would lose more of the processor to new connections than those that wait can win."""
_REFUSED = 429


class Guest(Protocol):
    """One connection."""

    def give_way(self) -> str | None:
        """End now, without a request under way. Why it could be spared; None: a request has come, it stays."""
        ...


class Connections:
    """At most `most`, of which some are still on their way in (`begin`, then `enter` or `give_up`).

    Args:
        most: how many may be open.
        clock: seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._beginning = 0
        self._since: dict[Guest, float] = {}
        self._spare: dict[Guest, float] = {}
        """In the order in which they became spare."""
        self.somebody_waits: Callable[[], bool] = lambda: False
        """Whether a connection waits to be taken; set by who takes them."""
        self.left: Callable[[], None] = lambda: None
        """Called when a place is free again; likewise."""

    @property
    def open(self) -> int:
        """How many have entered."""
        return len(self._since)

    @property
    def full(self) -> bool:
        return self._beginning + len(self._since) >= self._most

    def begin(self) -> None:
        """A connection is taken."""
        self._beginning += 1

    def begun(self) -> None:
        """It has entered, or never will."""
        self._beginning -= 1
        self.left()

    def enter(self, guest: Guest) -> None:
        self._since[guest] = self._spare[guest] = self._clock()
        CONNECTIONS.inc()

    def leave(self, guest: Guest) -> None:
        del self._since[guest]
        self._spare.pop(guest, None)
        CONNECTIONS.dec()
        self.left()

    def begins(self, guest: Guest) -> None:
        """A request of it has begun to come: from now on it is slow, not idle."""
        if self._spare.pop(guest, None) is not None:
            self._spare[guest] = self._clock()

    def busy(self, guest: Guest) -> None:
        """A request of it waits for its answer."""
        self._spare.pop(guest, None)

    def spare(self, guest: Guest) -> None:
        """All its requests are answered."""
        if guest in self._since:
            self._spare[guest] = self._clock()

    def goes(self, guest: Guest, status: int) -> bool:
        """Whether its connection ends with an answer of this status, so that another gets its place."""
        if not self.full:
            return False
        refused = status == _REFUSED
        if not refused and self._clock() - self._since[guest] < TURN_S:
            return False
        if not self.somebody_waits():
            return False
        MADE_ROOM.labels("refused" if refused else "turn").inc()
        return True

    def make_room(self) -> None:
        """Let the one go that has been spare for the longest, if that is long enough."""
        before = self._clock() - SPARE_S
        for guest, since in list(self._spare.items()):
            if since > before:
                return
            reason = guest.give_way()
            if reason is not None:
                del self._spare[guest]  # it may take a while to end
                MADE_ROOM.labels(reason).inc()
                return
