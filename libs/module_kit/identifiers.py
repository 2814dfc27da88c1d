"""Names of runs, moments and traces: the parts of a `messageId`, time stamps, W3C trace contexts."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


def new_boot() -> str:
    """Eight random hexadecimal digits: one per start of a module."""
    return secrets.token_hex(4)


def timestamp(seconds: float | None = None) -> str:
    """RFC 3339, UTC, milliseconds: `2026-01-01T00:00:00.000Z`. Now, or `seconds` since the epoch."""
    milliseconds = round((time.time() if seconds is None else seconds) * 1000)
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def seconds_of(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time in UTC; `ValueError` when it is not one."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.utcoffset():
        raise ValueError(f"not in UTC: {text!r} (expected 2026-01-01T00:00:00.000Z)")
    return moment.timestamp()


def new_traceparent() -> str:
    """A new W3C trace context, sampled: `00-<32 hex>-<16 hex>-01`."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
