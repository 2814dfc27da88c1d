"""Counters of the hub, by the names that the observer shows."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from edge_runtime.hub.measurements import Measurements
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.message_feed import MessageFeed
from edge_runtime.hub.series import SeriesTable

logger = logging.getLogger(__name__)


class Drop(NamedTuple):
    """What was dropped: why, whose, and on the way to which endpoint (`module/input` or `iothub`), where known."""

    reason: str
    module: str | None = None
    output: str | None = None
    endpoint: str | None = None


@dataclass(slots=True)
class Statistics:
    """Every drop has a reason; nothing disappears without raising a counter here.

    `dropped` is exact; of `drops`, which tell more of the same, those that are too many share one.
    """

    feed: MessageFeed
    stored: int = 0
    matched: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    drops: SeriesTable[Drop] = field(default_factory=lambda: SeriesTable(Drop("other")))
    measured: Measurements = field(default_factory=Measurements)

    def message_dropped(
        self,
        reason: str,
        message: Message,
        *,
        endpoint: str | None = None,
        sequence: int | None = None,
    ) -> None:
        """`sequence` is the number of one that was stored."""
        sender = message.sender
        self.dropped[reason] += 1
        self.drops[Drop(reason, sender.module, message.output, endpoint)].count += 1
        self.measured.message_dropped(reason, message)
        self.feed.dropped(reason, message, endpoint=endpoint, sequence=sequence)

    def lost(self, reason: str, count: int) -> None:
        """So many things that nobody can say more of."""
        self.dropped[reason] += count
        self.drops[Drop(reason)].count += count

    def refused(self, client: ClientId | None, reason: str, detail: str, *, known: bool = True) -> None:
        """Something a head refused before it became a message. Logged at 1, 10, 100... of a reason.

        A client that is not `known` has only said that it is this one: nobody is shown its name.
        """
        self.dropped[reason] += 1
        named = client if known else None
        self.drops[Drop(reason, named and named.module)].count += 1
        self.measured.refusal(client, reason)
        count = self.dropped[reason]
        if count == 10 ** (len(str(count)) - 1):
            logger.warning(
                "Refused from %.256s: %.1024s (%s; %d so far)", client or "a stranger", detail, reason, count
            )
        self.feed.refused(reason, named)
