"""Files that are there whole or not at all, whenever the process is killed or the machine loses its power."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from image_classifier.batch.errors import BatchError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a file and give it its name only when it is on the disk.

    Raises:
        BatchError: there is no room, or no right to.
    """
    made = path.with_name(f"{path.name}.new")
    with telling_of(path):
        write(made)
        with made.open("rb") as file:
            os.fsync(file.fileno())
        made.replace(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def telling_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"{path}: cannot be written: {error.strerror or error}"
        raise BatchError(f"{problem}; mend that and run the same command again") from None
