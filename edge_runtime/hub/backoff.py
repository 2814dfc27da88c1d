"""Pauses between attempts to reach the cloud: they grow from 1 to 60 s (spec C.12)."""

from __future__ import annotations

import asyncio
import contextlib
import random

FIRST_S, LAST_S = 1.0, 60.0


class Backoff:
    """Each pause is twice as long as the one before, and up to a fifth shorter by chance."""

    def __init__(self) -> None:
        self._next_s = FIRST_S
        self._ended = asyncio.Event()

    def reset(self) -> None:
        """The next pause is a short one."""
        self._next_s = FIRST_S

    async def pause(self) -> None:
        pause_s = self._next_s * random.uniform(0.8, 1.0)  # noqa: S311 - jitter
        self._next_s = min(2 * self._next_s, LAST_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._ended.wait()
        # Not before: told between the attempt and its pause, it is about this pause.
        self._ended.clear()

    def end(self) -> None:
        """Try at once: a pause under way ends, and the next one is a short one."""
        self.reset()
        self._ended.set()
