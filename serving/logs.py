"""Logs as JSON lines on standard output: one object a line, with the trace that a line belongs to.

Nothing that a client sent is logged but its path, cut and escaped: keys and pictures travel in headers and bodies.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, TextIO

from serving import trace_context


class JsonFormatter(logging.Formatter):
    """`time` (RFC 3339, UTC), `level`, `logger`, `message`, `traceId`, `spanId`, and what `extra` gave as `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        milliseconds = int(record.created * 1000)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
        line: dict[str, Any] = {
            "time": f"{moment}.{milliseconds % 1000:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        trace = trace_context.CURRENT.get()
        if trace is not None:
            line["traceId"], line["spanId"] = trace.trace_id, trace.span_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Send every logger of the process to `stream` (standard output) from `level` on."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Its news (a connection that sends nonsense, a start, a stop) is counted or told by us.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
