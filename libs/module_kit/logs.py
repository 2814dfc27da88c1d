"""Logs as edgeAgent's filters read them: `<6> 2026-01-01 00:00:00.000 +00:00 [INF] - text` (spec D.5).

The number is the syslog level that `GetModuleLogs` filters on. A text of several lines gets the prefix on
each, because the log of a container is read line by line.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from module_kit.redaction import redact

_SYSLOG = [(logging.CRITICAL, 2, "FTL"), (logging.ERROR, 3, "ERR"), (logging.WARNING, 4, "WRN"),
           (logging.INFO, 6, "INF")]  # fmt: skip
_NAMES = {
    "fatal": logging.CRITICAL, "critical": logging.CRITICAL, "error": logging.ERROR,
    "warn": logging.WARNING, "warning": logging.WARNING, "info": logging.INFO, "information": logging.INFO,
    "debug": logging.DEBUG, "verbose": logging.DEBUG, "trace": logging.DEBUG,
}  # fmt: skip


class EdgeFormatter(logging.Formatter):
    """One prefix per line; credentials redacted in the whole text, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        number, word = _syslog(record.levelno)
        milliseconds = int(record.created * 1000)
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(milliseconds // 1000))
        prefix = f"<{number}> {moment}.{milliseconds % 1000:03d} +00:00 [{word}] - "
        text = redact(super().format(record))
        return "\n".join(prefix + line for line in text.splitlines() or [""])


def level_of(name: str) -> int:
    """The `logging` level of a name as edgeAgent and .NET write it; `ValueError` lists the names."""
    try:
        return _NAMES[name.strip().lower()]
    except KeyError:
        raise ValueError(f"{name!r} is not a log level (one of {', '.join(_NAMES)})") from None


def configure_logs(environment: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Log to standard output from the level in `LOG_LEVEL`, else `RuntimeLogLevel` (edgeAgent), else info.

    A level that does not exist is reported and counts as info: a log setting must not stop a camera.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(EdgeFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    name = environment.get("LOG_LEVEL") or environment.get("RuntimeLogLevel") or "info"
    problem = None
    try:
        level = level_of(name)
    except ValueError as error:
        level, problem = logging.INFO, error
    root.setLevel(level)
    # The SDK logs every topic at info and every failed reconnect as a warning with its traceback; the
    # connection keeper says the same in one line.
    logging.getLogger("azure").setLevel(logging.DEBUG if level <= logging.DEBUG else logging.ERROR)
    if problem:
        logging.getLogger(__name__).warning("LOG_LEVEL: %s; using info", problem)


def _syslog(level: int) -> tuple[int, str]:
    return next(((number, word) for least, number, word in _SYSLOG if level >= least), (7, "DBG"))
