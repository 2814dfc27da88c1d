"""What a method began and does not wait for, by the id that `GetTaskStatus` asks with."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

_log = logging.getLogger(__name__)
KEPT = 100
MOST_RUNNING = 10


class TaskStatus(StrEnum):
    """edgeAgent's words."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    COMPLETED = "Completed"
    CANCELLED = "Cancelled"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


class TooManyTasksError(Exception):
    """So many run already that no more is begun."""


@dataclass(slots=True)
class _Begun:
    operation: str
    status: TaskStatus
    message: str = ""


class BackgroundTasks:
    """Up to ten run at once; of those that ended the last hundred are known."""

    def __init__(self) -> None:
        self._begun: dict[str, _Begun] = {}
        self._running: set[asyncio.Task[None]] = set()

    def start(self, operation: str, work: Callable[[], Coroutine[Any, Any, None]]) -> dict[str, str]:
        """Begin; the answer of the method. `work` says why it failed by an exception. Raises TooManyTasksError."""
        if len(self._running) >= MOST_RUNNING:
            raise TooManyTasksError(f"{MOST_RUNNING} tasks run already; ask again when one of them has ended")
        correlation_id = str(uuid.uuid4())
        begun = self._begun[correlation_id] = _Begun(operation, TaskStatus.RUNNING)
        self._forget()
        task = asyncio.create_task(work(), name=operation)
        self._running.add(task)
        task.add_done_callback(partial(self._ended, begun))
        return self.status(correlation_id)

    def status(self, correlation_id: str) -> dict[str, str]:
        """`{"status", "message", "correlationId"}`; Unknown for an id that is not known, or no more."""
        begun = self._begun.get(correlation_id)
        return {
            "status": (begun.status if begun else TaskStatus.UNKNOWN).value,
            "message": begun.message if begun else "",
            "correlationId": correlation_id,
        }

    async def stop(self) -> None:
        """Cancel what runs; returns when nothing does."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, begun: _Begun, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            begun.status = TaskStatus.CANCELLED
        elif (error := task.exception()) is None:
            begun.status = TaskStatus.COMPLETED
        else:
            begun.status = TaskStatus.FAILED
            reason = str(error) or type(error).__name__
            begun.message = f"Task {begun.operation} failed because of error {reason}"
            _log.warning("%s", begun.message)

    def _forget(self) -> None:
        ended = [name for name, begun in self._begun.items() if begun.status is not TaskStatus.RUNNING]
        for name in ended[: max(0, len(ended) - KEPT)]:
            del self._begun[name]
