"""What edgeHub's built-in metrics are made of (spec D.6), taken as the hub works."""

from __future__ import annotations

import time

from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.series import Series, SeriesTable

# One message in this many is timed. A prime: copies of one message have numbers in a row, so a divisor of their
# number would time one endpoint alone.
SAMPLED = 17
_MOST_UNDER_WAY = 4096
_OTHER = ClientId("other")

# Reasons of a refusal (`Statistics.refused`), by what was refused.
CONNECT_REASONS = frozenset(
    (
        "bad_username", "client_id_mismatch", "connect_timeout", "half_open_limit", "not_authenticated",
        "not_ready", "tls_failed", "too_many_clients",
    )
)  # fmt: skip
MESSAGE_REASONS = frozenset(("bad_properties", "too_large"))


class Measurements:
    """Counts are exact; times and sizes behind quantiles are samples.

    Times of messages are of one in 17, `received` keeps every message's size in `total`, all else is rare enough to
    be kept whole.
    """

    def __init__(self) -> None:
        # By sender and output.
        self.received: SeriesTable[tuple[ClientId, str | None]] = SeriesTable((_OTHER, "other"))
        # By sender, output, endpoint and priority rank.
        self.sent: SeriesTable[tuple[ClientId, str | None, str, int]] = SeriesTable(
            (_OTHER, "other", "other", 0)
        )
        # By sender, output and endpoint: from the sending to the confirmation
        self.sending: SeriesTable[tuple[ClientId, str | None, str]] = SeriesTable((_OTHER, "other", "other"))
        # By sender, endpoint and priority rank: from the storing to the confirmation
        self.processed: SeriesTable[tuple[ClientId, str, int]] = SeriesTable((_OTHER, "other", 0))
        # By reason, sender and output; alerts go by the reason, so what is too many keeps it.
        self.dropped: SeriesTable[tuple[str, str, str]] = SeriesTable(
            ("other", "other", "other"), other_of=lambda key: (key[0], "other", "other")
        )
        self.connected: SeriesTable[str] = SeriesTable("other")
        self.disconnected: SeriesTable[str] = SeriesTable("other")
        # By client and reason.
        self.refused: SeriesTable[tuple[str, str]] = SeriesTable(("other", "other"))
        self.twin_reads: SeriesTable[str] = SeriesTable("other")
        self.reports: SeriesTable[str] = SeriesTable("other")
        # By caller and who is called.
        self.methods: SeriesTable[tuple[str, str]] = SeriesTable(("other", "other"))
        # Not acknowledged at once, for the store had no room; by sender and output.
        self.unacknowledged: SeriesTable[tuple[ClientId, str | None]] = SeriesTable((_OTHER, "other"))
        self.offline_count = 0
        self.offline = Series()
        # operation
        self.retries: SeriesTable[str] = SeriesTable("other")
        self._stored_at: dict[int, float] = {}

    def message_received(self, message: Message) -> None:
        series = self.received[message.sender, message.output]
        size = len(message.body)
        if not series.count % SAMPLED:
            series.sample(size)
        series.count += 1
        series.total += size

    def message_stored(self, stored: Stored) -> None:
        if not stored.key % SAMPLED:
            # The oldest gives way: it waits in a backlog, or has expired.
            if len(self._stored_at) >= _MOST_UNDER_WAY:
                del self._stored_at[next(iter(self._stored_at))]
            self._stored_at[stored.key] = time.monotonic()

    def message_sent(self, endpoint: str, stored: Stored, sent_at: float) -> None:
        """Confirmed by the other end; `sent_at` in monotonic seconds."""
        message = stored.message
        series = self.sent[message.sender, message.output, endpoint, stored.rank]
        if not series.count % SAMPLED:
            self.sending[message.sender, message.output, endpoint].observe(time.monotonic() - sent_at)
        series.count += 1
        if not stored.key % SAMPLED:
            stored_at = self._stored_at.pop(stored.key, None)
            if stored_at is not None:
                took_s = time.monotonic() - stored_at
                self.processed[message.sender, endpoint, stored.rank].observe(took_s)

    def message_dropped(self, reason: str, message: Message) -> None:
        self.dropped[reason, str(message.sender), message.output or ""].count += 1

    def refusal(self, client: ClientId | None, reason: str) -> None:
        who = "" if client is None else str(client)
        if reason in CONNECT_REASONS:
            self.refused[who, reason].count += 1
        elif reason in MESSAGE_REASONS:
            self.dropped[reason, who, ""].count += 1
