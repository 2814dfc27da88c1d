"""How many messages may still go upstream today, as IoT Hub meters them.

A token bucket (a burst, refilled evenly over the day) under a hard limit per day, because the hub counts by
UTC day and refuses everything once it is over. What the day has used survives a restart in a reported property.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from module_kit.message import Outgoing

_DAY_S = 86400.0
LEASE = 50
"""Written ahead: the report says up to this many more than was used, so that a crash never grants anew what
was spent since the last report, and a report is due only once per lease."""


def metered(message: Outgoing, block_bytes: int) -> int:
    """Metered messages that `message` costs: body and properties, names and values, in blocks."""
    size = len(message.body) + len(message.message_id) + len(message.content_type)
    size += len(message.content_encoding or "")
    size += sum(len(name.encode()) + len(value.encode()) for name, value in message.properties.items())
    return max(1, math.ceil(size / block_bytes))


class Budget:
    """Tokens are metered messages.

    Args:
        limit: a day, at least 0.
        burst: what the bucket holds.
        wall: seconds since the epoch.
        saved: what `report` gave an earlier run, from the module's reported properties; what is not of that
            form counts as nothing saved.
    """

    def __init__(self, limit: int, burst: int, wall: float, saved: Any = None) -> None:
        self._limit, self._burst = limit, burst
        self._day = _day_of(wall)
        self._filled_at = wall
        self._tokens = float(burst)
        self._leased = 0
        self.used = 0
        if isinstance(saved, Mapping):
            self._restore(saved, wall)

    @property
    def limit(self) -> int:
        return self._limit

    def configure(self, limit: int, burst: int) -> None:
        """New limits; what the day has used stays."""
        self._limit, self._burst = limit, burst
        self._tokens = min(self._tokens, float(burst))

    def available(self, wall: float) -> int:
        """Metered messages that may go now."""
        self._pass(wall)
        return max(0, min(int(self._tokens), self._limit - self.used))

    def spend(self, units: int, wall: float, leave: int = 0) -> bool:
        """Take `units` if `leave` remain after it (never more than the bucket can hold)."""
        if self.available(wall) < units + leave:
            return False
        self._tokens -= units
        self.used += units
        return True

    def report_is_due(self) -> bool:
        return self.used > self._leased

    def report(self, *, final: bool = False) -> dict[str, Any]:
        """The property to report: an upper bound of what is used, exact when `final`."""
        ahead = 0 if final else LEASE
        self._leased = self.used + ahead
        return {
            "day": self._day,
            "used": min(self._leased, max(self._limit, self.used)),
            "tokens": max(0, int(self._tokens) - ahead),
            "at": int(self._filled_at),
            "limit": self._limit,
        }

    def _restore(self, saved: Mapping[str, Any], wall: float) -> None:
        day, used, tokens, at = (saved.get(name) for name in ("day", "used", "tokens", "at"))
        if not isinstance(day, str) or not isinstance(used, int) or used < 0:
            return
        if isinstance(tokens, int) and isinstance(at, int):
            grown = max(0.0, wall - at) * self._limit / _DAY_S
            self._tokens = min(float(self._burst), max(0, tokens) + grown)
        if day >= self._day:  # a clock that went back must not grant a new day
            self._day, self.used, self._leased = day, used, used

    def _pass(self, wall: float) -> None:
        self._tokens = min(
            float(self._burst), self._tokens + max(0.0, wall - self._filled_at) * self._limit / _DAY_S
        )
        self._filled_at = wall
        day = _day_of(wall)
        if day > self._day:
            self._day, self.used, self._leased = day, 0, -1


def _day_of(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).date().isoformat()
