"""A folder's files in sorted order, with bounded memory however many they are."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from pathlib import Path

WINDOW = 8192
"""Names held at once; a folder of a million files is listed once per so many names."""


def sorted_files(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, names in byte order, a folder's own files before those of its subfolders.

    Links to folders are not followed: they could lead out, or round in circles. Files that begin with a dot
    are left out. What cannot be listed raises `OSError` for the first folder and is passed over below it.
    """
    yield from _files(folder)
    for name in _subfolders(folder):
        try:
            yield from sorted_files(folder / name)
        except OSError:
            continue


def _files(folder: Path) -> Iterator[Path]:
    last = ""
    while True:
        with os.scandir(folder) as entries:
            names = heapq.nsmallest(WINDOW, (e.name for e in entries if e.name > last and _is_file(e)))
        yield from (folder / name for name in names)
        if len(names) < WINDOW:
            return
        last = names[-1]


def _is_file(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and not entry.is_dir(follow_symlinks=True)


def _subfolders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(
            e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")
        )
