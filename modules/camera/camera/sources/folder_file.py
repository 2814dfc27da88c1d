"""Reading one file of a folder that others may be writing, moving and linking at the same time.

FileRefusedError   reason is a word for counters; `wait` is set when the file may become readable soon
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from camera.image_file import ends_well, has_trailer, sniff

MAXIMUM_FILE_BYTES = 64 * 1024 * 1024
SETTLED_S = 2.0
"""A file that nobody has written to for so long is taken to be whole."""
SNIFF_BYTES = 16


class FileRefusedError(Exception):
    """This file is not read."""

    def __init__(self, reason: str, *, wait: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


def read_image(path: Path, root: Path) -> bytes:
    """The bytes of the JPEG or PNG at `path`; `root` is the folder, resolved, that it must lie in.

    A file that was written to within the last two seconds must end in its format's trailer, and no file may
    change while it is read: so a file is never taken half written, whether it is renamed into place or not.
    """
    try:
        # O_NONBLOCK: opening a named pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileRefusedError("dangling_link" if path.is_symlink() else "vanished") from None
    except OSError:
        raise FileRefusedError("unreadable") from None
    with os.fdopen(descriptor, "rb") as file:
        _check_place(descriptor, root)
        return _read_whole(descriptor, file.read)


def _check_place(descriptor: int, root: Path) -> None:
    # Asked of the open file, not of the path: a link swapped in between cannot deceive it.
    real = Path(f"/proc/self/fd/{descriptor}").readlink()
    if not real.is_relative_to(root):
        raise FileRefusedError("link_out_of_folder")


def _read_whole(descriptor: int, read: Callable[[int], bytes]) -> bytes:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise FileRefusedError("not_a_file")
    fresh = abs(time.time() - before.st_mtime) < SETTLED_S
    if before.st_size > MAXIMUM_FILE_BYTES:
        raise FileRefusedError("file_too_large")
    try:
        head = read(SNIFF_BYTES)
        if sniff(head) is None:
            # A copy in progress may begin with nothing, or with zeros.
            raise FileRefusedError("not_an_image", wait=fresh and not head.strip(b"\0"))
        body = head + read(MAXIMUM_FILE_BYTES)
        after = os.fstat(descriptor)
    except OSError:
        raise FileRefusedError("unreadable") from None
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or len(
        body
    ) != after.st_size:
        raise FileRefusedError("changing", wait=True)
    if fresh and not ends_well(body):
        raise FileRefusedError("incomplete", wait=True)
    if not has_trailer(body):
        raise FileRefusedError("incomplete")
    return body
