"""Room on the disk that a stopped device keeps for its next start.

A clean stop removes files that a start makes again (the stores' logs, `processes.json`, sockets). On a full disk
whatever else writes there takes their place, and the device, which might empty its queues, could not start any more.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PIECES, PIECE_BYTES = 16, 1 << 16


def hold(path: Path) -> None:
    """Take a megabyte, or as much of it as there is."""
    with contextlib.suppress(OSError), path.open("wb") as file:
        path.chmod(0o600)
        for number in range(PIECES):
            os.posix_fallocate(file.fileno(), number * PIECE_BYTES, PIECE_BYTES)


def release(path: Path) -> None:
    """Give it back."""
    with contextlib.suppress(OSError):
        path.unlink()
