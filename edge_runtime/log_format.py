"""The runtime's own logs, as edgeAgent's filters read them: `<6> 2026-01-01 00:00:00.000 +00:00 [INF] - text`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

_SYSLOG = (
    (logging.CRITICAL, 2, "FTL"),
    (logging.ERROR, 3, "ERR"),
    (logging.WARNING, 4, "WRN"),
    (logging.INFO, 6, "INF"),
    (logging.NOTSET, 7, "DBG"),
)


class EdgeFormatter(logging.Formatter):
    """The prefix stands before each line of a text, since logs are read line by line."""

    def format(self, record: logging.LogRecord) -> str:
        number, word = next((number, word) for least, number, word in _SYSLOG if record.levelno >= least)
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.created))
        prefix = f"<{number}> {moment}.{int(record.msecs):03d} +00:00 [{word}] {record.name} - "
        return "\n".join(prefix + line for line in super().format(record).splitlines() or [""])


def log_to_file(path: Path) -> Callable[[], None]:
    """Append what our own code logs from info on, and the warnings of all others; what it returns undoes it all."""
    root, own = logging.getLogger(), logging.getLogger("edge_runtime")
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(EdgeFormatter())
    before = [(existing, existing.level) for existing in root.handlers]
    for existing, level in before:
        existing.setLevel(max(level, logging.WARNING))
    own_level = own.level
    own.setLevel(logging.INFO)
    root.addHandler(handler)

    def end() -> None:
        root.removeHandler(handler)
        handler.close()
        own.setLevel(own_level)
        for existing, level in before:
            existing.setLevel(level)

    return end
