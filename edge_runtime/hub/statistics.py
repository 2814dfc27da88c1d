"""Counters of the hub, by the names that the observer shows."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

from edge_runtime.hub.feed import Feed
from edge_runtime.hub.measurements import Measurements
from edge_runtime.hub.message import ClientId, Message

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Statistics:
    """Every drop has a reason; nothing disappears without raising a counter here."""

    feed: Feed
    stored: int = 0
    matched: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    measured: Measurements = field(default_factory=Measurements)

    def message_dropped(self, reason: str, message: Message) -> None:
        self.dropped[reason] += 1
        self.measured.message_dropped(reason, message)
        self.feed.publish(
            "dropped",
            reason=reason,
            module=message.sender.module,
            output=message.output,
            messageId=message.sys.get("messageId"),
        )

    def refused(self, client: ClientId | None, reason: str, detail: str) -> None:
        """Something a head refused before it became a message. Logged at 1, 10, 100... of a reason."""
        self.dropped[reason] += 1
        self.measured.refusal(client, reason)
        count = self.dropped[reason]
        if count == 10 ** (len(str(count)) - 1):
            logger.warning(
                "Refused from %s: %s (%s; %d so far)", client or "a stranger", detail, reason, count
            )
        self.feed.publish(
            "dropped", reason=reason, module=client and client.module, output=None, messageId=None
        )
