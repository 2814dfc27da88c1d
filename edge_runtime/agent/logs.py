"""Rotation of the files that processes write to.

The writer holds the file open with O_APPEND and outlives this process, so the file is copied and then
cut to nothing (copy-truncate): the next write lands at its start. Lines written between the last read
of the copy and the cut, a few microseconds, are lost; nothing ever blocks the writer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

MAXIMUM_BYTES = 10 * 1024 * 1024
KEPT = 3
CHECK_S = 1.0

_log = logging.getLogger(__name__)
_rotating = threading.Lock()


@contextlib.contextmanager
def rotation_stopped() -> Iterator[None]:
    """No file of this process's logs is rotated meanwhile."""
    with _rotating:
        yield


def rotate_folder(folder: Path, maximum_bytes: int = MAXIMUM_BYTES, kept: int = KEPT) -> None:
    """Rotate each `*.log` of the folder that has outgrown its limit."""
    for path in folder.glob("*.log"):
        try:
            if path.stat().st_size > maximum_bytes:
                rotate(path, kept)
        except OSError as error:
            _log.warning("%s could not be rotated: %s", path, error)


def rotate(path: Path, kept: int = KEPT) -> None:
    """`x.log` becomes `x.log.1`, and so on; `kept` files remain, the live one included."""
    with _rotating:
        for number in range(kept - 1, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                numbered(path, number - 1).replace(numbered(path, number))
        with path.open("rb") as source, numbered(path, 1).open("wb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
            os.truncate(path, 0)


def numbered(path: Path, number: int) -> Path:
    """The name of the rotated file of that number."""
    return path.with_name(f"{path.name}.{number}")


def tail(path: Path, offset: int, maximum_bytes: int = 4096) -> list[str]:
    """The last lines written after `offset`, or since the file was cut."""
    with contextlib.suppress(OSError), path.open("rb") as source:
        size = source.seek(0, os.SEEK_END)
        source.seek(max(offset if offset <= size else 0, size - maximum_bytes))
        return [line for line in source.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return []
