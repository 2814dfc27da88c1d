"""How far a feed is done, on disk, so that a restart does not send again what was sent.

`scripts/edge events` numbers what it prints. A store that is made anew begins at 1 again, so a number alone would
hide all of its first events: what came later than the position is new, whatever its number.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


class PositionError(Exception):
    """The file cannot be read or written, or holds something else; `str()` names it and the mend."""


@dataclass(frozen=True, slots=True)
class Position:
    """number: the line's `id`. enqueued: its `enqueuedTime`, RFC 3339 in UTC with milliseconds, so text compares."""

    number: int
    enqueued: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self | None:
        """None where a line has none: a bare `event/1`."""
        number, enqueued = document.get("id"), document.get("enqueuedTime")
        if isinstance(number, int) and isinstance(enqueued, str):
            return cls(number, enqueued)
        return None

    def covers(self, other: Position) -> bool:
        return other.number <= self.number and other.enqueued <= self.enqueued


class PositionFile:
    """One feed's position, for one receiver. A file that is not there yet is at the beginning.

    Raises:
        PositionError: see there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reached: Position | None = None
        try:
            document = json.loads(path.read_bytes())
            self._reached = Position.of(document) if isinstance(document, dict) else None
        except FileNotFoundError:
            return
        except OSError as error:
            raise PositionError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError):
            pass
        if self._reached is None:
            raise PositionError(
                f"{path}: holds no position; name another file, or remove it to send all again"
            )

    def covers(self, position: Position | None) -> bool:
        return bool(self._reached and position and self._reached.covers(position))

    def reach(self, position: Position) -> None:
        """On the disk when this returns. Raises PositionError."""
        if self._reached:
            # A clock that was set back must not uncover what came before.
            position = Position(position.number, max(position.enqueued, self._reached.enqueued))
        fresh = self._path.with_name(f".{self._path.name}.new")
        try:
            with fresh.open("w") as file:
                json.dump({"id": position.number, "enqueuedTime": position.enqueued}, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise PositionError(f"{self._path}: cannot be written: {error.strerror}") from None
        self._reached = position
