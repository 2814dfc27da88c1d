"""`folder:PATH`: the JPEG and PNG files below a folder, in sorted order; class folders give the labels."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

from camera.picture import ImageFile, Picture
from camera.sources.folder_file import SETTLED_S, FileRefusedError, read_image
from camera.sources.folder_listing import sorted_files
from camera.sources.reading import Reader, read_beside
from camera.sources.source import SourceEvents, SourceUnavailableError

RESCAN_S = 0.5
RESCAN_SHARE = 10
"""Looking for new files takes at most a tenth of the time."""


class FolderSource:
    """The files that are there, once; with `follow`, then every new or rewritten file for ever."""

    live = False
    natural_fps = None

    def __init__(self, folder: Path, events: SourceEvents, *, follow: bool = False) -> None:
        self._folder = folder
        self._events = events
        self._follow = follow
        self._follower: _Follower | None = None

    @property
    def repeats(self) -> bool:
        return not self._follow

    def pictures(self) -> AsyncGenerator[Picture, None]:
        return read_beside(self._read)

    def _read(self, stop: threading.Event) -> Reader:
        root = _existing(self._folder)
        if self._follow:
            # Kept over failures: what was sent before a disk went away is not new when it is back.
            if self._follower is None:
                self._follower = _Follower(root, self._events)
            yield from self._follower.read(stop)
            return
        found = False
        for picture in _one_pass(root, self._events, stop):
            found = found or picture is not None
            yield picture
        if not found and not stop.is_set():
            raise SourceUnavailableError(f"folder {self._folder}: no readable JPEG or PNG file in it")


def _existing(folder: Path) -> Path:
    try:
        root = folder.resolve(strict=True)
        next(sorted_files(root), None)
    except FileNotFoundError:
        raise SourceUnavailableError(
            f"folder {folder}: does not exist (in a container: is it mounted?)"
        ) from None
    except NotADirectoryError:
        raise SourceUnavailableError(f"folder {folder}: is not a folder") from None
    except PermissionError:
        raise SourceUnavailableError(f"folder {folder}: permission denied") from None
    except (OSError, RuntimeError) as error:
        raise SourceUnavailableError(f"folder {folder}: {error}") from None
    return root


def _label(path: Path, root: Path) -> str | None:
    return None if path.parent == root else path.parent.name


def _one_pass(root: Path, events: SourceEvents, stop: threading.Event) -> Iterator[ImageFile | None]:
    """Every file once; those that are being written are looked at again at the end."""
    unfinished: list[Path] = []
    for path in sorted_files(root):
        try:
            yield ImageFile(read_image(path, root), _label(path, root))
        except FileRefusedError as refused:
            if refused.wait:
                unfinished.append(path)
            else:
                events.dropped(refused.reason)
        if stop.is_set():
            return
    deadline = time.monotonic() + 2 * SETTLED_S
    while unfinished and not stop.is_set():
        yield None
        last_look = time.monotonic() > deadline
        still: list[Path] = []
        for path in unfinished:
            try:
                yield ImageFile(read_image(path, root), _label(path, root))
            except FileRefusedError as refused:
                if refused.wait and not last_look:
                    still.append(path)
                else:
                    events.dropped(refused.reason)
        unfinished = still


class _Follower:
    """Scans again and again; a file is new when its path, time or size is.

    Remembers one number for each file that is there, and forgets those that are gone.
    """

    def __init__(self, root: Path, events: SourceEvents) -> None:
        self._root = root
        self._events = events
        self._seen: set[int] = set()
        self._next_scan = 0.0

    def read(self, stop: threading.Event) -> Reader:
        while not stop.is_set():
            if time.monotonic() < self._next_scan:
                yield None
                continue
            began = time.monotonic()
            try:
                yield from self._scan(stop)
            except OSError as error:
                raise SourceUnavailableError(f"folder {self._root}: {error.strerror}") from None
            now = time.monotonic()
            self._next_scan = now + max(RESCAN_S, RESCAN_SHARE * (now - began))
            yield None

    def _scan(self, stop: threading.Event) -> Reader:
        present: set[int] = set()
        for path in sorted_files(self._root):
            try:
                state = path.lstat()
            except OSError:
                continue
            key = hash((str(path), state.st_mtime_ns, state.st_size, state.st_ino))
            if key not in self._seen:
                try:
                    yield ImageFile(read_image(path, self._root), _label(path, self._root))
                except FileRefusedError as refused:
                    if refused.wait:
                        continue
                    self._events.dropped(refused.reason)
            present.add(key)
            if stop.is_set():
                return
        self._seen = present
