"""How long a test waits for what is certain to come, and how it looks for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal, TypeVar

Found = TypeVar("Found")

PATIENCE_S = 100.0
"""It tells a hang, never a pace: the machine may be slow, and others use it too. Poll, and go on at once."""

TENSORFLOW_PATIENCE_S = 5 * PATIENCE_S
"""The same for a process that imports TensorFlow and trains something small."""

_POLL_S = 0.01


async def eventually(
    condition: Callable[[], Found | Literal[False] | None], timeout_s: float = PATIENCE_S
) -> Found:
    """What `condition` gives as soon as it is true. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not (found := condition()):
            await asyncio.sleep(_POLL_S)
        return found


def wait_for(
    condition: Callable[[], Found | Literal[False] | None], what: str = "it", timeout_s: float = PATIENCE_S
) -> Found:
    """The same for a test without a loop; an AssertionError names what did not come."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(_POLL_S)
    return found
