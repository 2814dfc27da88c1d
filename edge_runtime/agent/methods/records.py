"""Log lines as edgeAgent reads them: `<6> 2026-01-01 00:00:00.000 +00:00 [INF] - text` (spec D.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from edge_runtime.agent.engine import LogLine

DEFAULT_LEVEL = 6
_LINE = re.compile(
    r"\s*(?:<(?P<level>\d)>)?\s*"
    r"(?:(?P<time>\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d.\d{3})\s(?P<zone>[+-]\d\d:\d\d)\s)?\s*(?P<text>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Record:
    """One line. `line` is the whole of it, `text` what follows level and time; `level` is syslog's, 0 the gravest.

    `at` is when the engine saw the line, else the time that it names, else that of the last line before it
    that names one; None where there is none of these.
    """

    line: str
    stream: str
    level: int
    at: datetime | None
    text: str


def records(lines: Iterable[LogLine]) -> Iterator[Record]:
    """Take the lines apart, in their order."""
    last: datetime | None = None
    for line in lines:
        found = _LINE.match(line.text)
        groups = found.groupdict() if found is not None else {}
        last = line.written_at or _time(groups.get("time"), groups.get("zone")) or last
        yield Record(
            line=line.text,
            stream=line.stream,
            level=int(groups.get("level") or DEFAULT_LEVEL),
            at=last,
            text=groups.get("text") or line.text,
        )


def _time(time: str | None, zone: str | None) -> datetime | None:
    if time is None:
        return None
    try:
        return datetime.fromisoformat(f"{time[:19]}.{time[20:]}{zone}")
    except ValueError:
        return None
