"""Tasks that are to go on for as long as their owner does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

FIRST_PAUSE_S = 1.0
LAST_PAUSE_S = 60.0
_HELD_S = 60.0
"""Work that has gone on for so long is begun again after the first pause."""

logger = logging.getLogger(__name__)


def keep_running(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> asyncio.Task[None]:
    """Begin `work` again whenever it fails, after a pause that grows from a second to a minute.

    Each failure is logged with its traceback. The task ends when the work returns, or is cancelled.
    """

    async def keep() -> None:
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while True:
            began = loop.time()
            try:
                await work()
            except Exception:
                if loop.time() - began >= _HELD_S:
                    pause_s = FIRST_PAUSE_S
                logger.exception("%s failed, and begins again in %g s", name, pause_s)
                await sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_PAUSE_S)
            else:
                return

    return asyncio.get_running_loop().create_task(keep(), name=name)
