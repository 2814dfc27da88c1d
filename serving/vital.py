"""Tasks, and more, that a worker process cannot do without: when one fails it must not go on as if it had not.

They tell the event loop's exception handler, asyncio's own place for what nobody awaits; `worker` ends then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

VITAL = "vital"
"""Key of the exception handler's context that only these tasks set."""


def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task for `work`. Its failure is told to the loop's exception handler."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_ended)
    return task


def failed(what: str, error: Exception) -> None:
    """Tell the running loop's exception handler that something else is lost which the worker cannot do without."""
    asyncio.get_running_loop().call_exception_handler({"message": what, "exception": error, VITAL: True})


def _ended(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        what = f"the task {task.get_name()!r} failed"
        task.get_loop().call_exception_handler({"message": what, "exception": error, VITAL: True})
