"""What becomes of a task that fails unexpectedly."""

from __future__ import annotations

import asyncio
import logging

import pytest

from edge_runtime.lasting import FIRST_PAUSE_S, LAST_PAUSE_S, keep_running


async def test_work_that_fails_is_told_and_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[int] = []
    pauses: list[float] = []

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) < 10:
            raise ZeroDivisionError(f"number {len(begun)}")

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    await keep_running("the work", work, sleep=pause)
    assert len(begun) == 10
    assert pauses == [FIRST_PAUSE_S, 2, 4, 8, 16, 32, LAST_PAUSE_S, LAST_PAUSE_S, LAST_PAUSE_S]
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 9
    assert told[0].getMessage() == "the work failed, and begins again in 1 s"
    assert "ZeroDivisionError: number 9" in caplog.text


async def test_it_ends_when_it_is_cancelled() -> None:
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    task = keep_running("the work", work)
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
