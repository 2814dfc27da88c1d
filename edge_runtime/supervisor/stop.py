"""How a `run` is asked to end: SIGINT, SIGTERM, SIGHUP; a second one means at once.

Started with SIGHUP ignored, as `nohup` does it, it goes on when the terminal is closed.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Listens from its making on; `wait` returns at the first request."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._force: Callable[[], None] = lambda: None
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            loop.add_signal_handler(number, self.ask)

    def on_second(self, force: Callable[[], None]) -> None:
        """What to do when someone asks again while the first request is being met."""
        self._force = force

    def ask(self) -> None:
        """Ask to stop."""
        if self._asked.is_set():
            self._force()
        self._asked.set()

    async def wait(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()
