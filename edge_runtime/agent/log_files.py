"""Reads the log files of processes, with those that rotation has put aside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from edge_runtime.agent import logs
from edge_runtime.agent.engine import LogLine


def file_lines(path: Path, since: datetime | None = None) -> Iterator[LogLine]:
    """The lines of a log, oldest first; files that nobody has written to after `since` are left out.

    Standard output and error share the file, so that all lines are of one stream. Nothing when there is no file.
    """
    earliest = since.timestamp() if since is not None else float("-inf")
    with ExitStack() as stack:
        # Rotation copies the live file and cuts it, so it is read in one piece while no rotation runs.
        with logs.rotation_stopped():
            older = []
            for number in range(logs.KEPT - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    older.append(stack.enter_context(logs.numbered(path, number).open("rb")))
                    if logs.numbered(path, number).stat().st_mtime < earliest:
                        older.pop()
            try:
                live = path.read_bytes()
            except FileNotFoundError:
                live = b""
        for file in older:
            yield from map(_line, file)
        yield from map(_line, live.splitlines(keepends=True) if live else ())


def _line(raw: bytes) -> LogLine:
    return LogLine(raw.rstrip(b"\r\n").decode("utf-8", "replace"))
