"""Times as log requests write them: RFC 3339, Unix seconds, or a duration before now (spec D.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DURATION_PART = re.compile(r"(\d+)\s*([A-Za-z]+)\s*")
_UNITS_S = {
    **dict.fromkeys(("nanoseconds", "nanosecond", "nsec", "ns"), 1e-9),
    **dict.fromkeys(("microseconds", "microsecond", "usec", "us"), 1e-6),
    **dict.fromkeys(("milliseconds", "millisecond", "millis", "msec", "ms"), 1e-3),
    **dict.fromkeys(("seconds", "second", "secs", "sec", "s"), 1.0),
    **dict.fromkeys(("minutes", "minute", "mins", "min", "m"), 60.0),
    **dict.fromkeys(("hours", "hour", "hrs", "hr", "h"), 3600.0),
    **dict.fromkeys(("days", "day", "d"), 86_400.0),
    **dict.fromkeys(("weeks", "week", "w"), 7 * 86_400.0),
    **dict.fromkeys(("months", "month", "M"), 30.44 * 86_400.0),
    **dict.fromkeys(("years", "year", "y"), 365.25 * 86_400.0),
}


def moment(value: str | float, now: datetime) -> datetime:
    """The time that `value` names; a duration (`2d`, `1 day`, `1h 20m`) counts back from `now`.

    Raises ValueError for what is none of the three, or lies outside of what a date can be.
    """
    text = str(value).strip()
    try:
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            return datetime.fromtimestamp(float(text), UTC)
        duration_s = _duration_s(text)
        if duration_s is not None:
            return now - timedelta(seconds=duration_s)
        return _rfc3339(text)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{text!r} is not a time: an RFC 3339 time such as 2026-01-31T12:00:00Z, seconds since 1970, "
            "or a duration such as 1h 20m"
        ) from None


def _rfc3339(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _duration_s(text: str) -> float | None:
    if not text or _DURATION_PART.sub("", text):
        return None
    parts = _DURATION_PART.findall(text)
    if any(unit not in _UNITS_S for _, unit in parts):
        return None
    return sum(int(number) * _UNITS_S[unit] for number, unit in parts)
