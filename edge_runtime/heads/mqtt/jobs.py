"""Work of one connection that has to wait for the disk, done one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Job = Callable[[], Awaitable[None]]


class SerialJobs:
    """Runs jobs in the order in which they were added; no task exists while there is none.

    A job that raises ends the series: `failed` gets the exception, and the jobs behind it are dropped.
    """

    def __init__(self, name: str, failed: Callable[[Exception], None]) -> None:
        self._name = name
        self._failed = failed
        self._jobs: deque[Job] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, job: Job) -> None:
        self._jobs.append(job)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    def drop(self) -> None:
        """Forget the jobs that have not begun; the one under way ends by itself."""
        self._jobs.clear()

    async def _run(self) -> None:
        try:
            while self._jobs:
                await self._jobs.popleft()()
        except Exception as error:  # noqa: BLE001 - handed on, whatever it is
            self._jobs.clear()
            self._failed(error)
        finally:
            self._task = None
