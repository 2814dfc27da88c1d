"""`STATE/upstream.jsonl`: the events once more, one JSON document a line, for eyes and scripts.

The file follows the store: after a crash, or a disk that was full, the events that the store has and the file
lacks are written, so each event stands in it once. It is bounded: at 32 MB it becomes `upstream.jsonl.1`, and so
on; three files remain.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from edge_runtime.iothub.event import Event, readable

MAXIMUM_BYTES = 32 * 1024 * 1024
KEPT = 3
_TAIL_BYTES = 1024 * 1024
"""More than the longest line: a body of 256 KiB in base64 with its properties."""


# Made once: `json.dumps` with arguments builds an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":")).encode


class EventLines:
    """The writer. It blocks, and belongs to the store's thread."""

    def __init__(self, path: Path, maximum_bytes: int = MAXIMUM_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._maximum = maximum_bytes
        self._kept = kept

    def last_id(self) -> int:
        """The id on the last whole line, 0 when there is none. Half a line, of a crash, is cut off."""
        for path in (self._path, self._numbered(1)):
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL_BYTES))
                text = file.read()
                whole = text.rfind(b"\n") + 1
                if whole != len(text):
                    file.truncate(size - len(text) + whole)
                found = _id(text[:whole].rstrip(b"\n").rpartition(b"\n")[2])
                if found is not None:
                    return found
        return 0

    def append(self, events: Iterable[tuple[int, Event]]) -> None:
        """Write the events, in order. Raises OSError."""
        lines = [_encode(readable(event, number)) + "\n" for number, event in events]
        if not lines:
            return
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_size > self._maximum:
                self.rotate()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(lines)

    def rotate(self) -> None:
        """Put the file aside; the next line begins a new one."""
        for number in range(self._kept - 1, 0, -1):
            source = self._path if number == 1 else self._numbered(number - 1)
            with contextlib.suppress(FileNotFoundError):
                source.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _id(line: bytes) -> int | None:
    try:
        number = json.loads(line)["id"]
    except (ValueError, KeyError, TypeError):
        return None
    return number if isinstance(number, int) else None
