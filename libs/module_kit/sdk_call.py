"""Operations of the SDK's client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

R = TypeVar("R")


async def sdk_call(operation: Awaitable[R]) -> R:
    """Wait for an operation; when nobody waits any more it comes to its end by itself.

    The SDK sets the result of its future even when that was cancelled, which asyncio logs as an InvalidStateError.
    """
    running = asyncio.ensure_future(operation)
    running.add_done_callback(_look_at_its_end)
    return await asyncio.shield(running)


def _look_at_its_end(operation: asyncio.Future[R]) -> None:
    """An error that nobody asks for would be logged as well."""
    if not operation.cancelled():
        operation.exception()
