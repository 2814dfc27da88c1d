from __future__ import annotations

import asyncio

import pytest

from edge_runtime.hub import backoff
from edge_runtime.hub.backoff import Backoff
from tests.patience import PATIENCE_S


class Pauses:
    """Stands for `asyncio.timeout`; no pause takes any time."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> asyncio.Timeout:
        self.seconds.append(seconds)
        return asyncio.Timeout(asyncio.get_running_loop().time())


async def test_pauses_grow_to_a_minute_and_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Pauses()
    monkeypatch.setattr(asyncio, "timeout", pauses)
    monkeypatch.setattr("random.uniform", lambda least, most: (least + most) / 2)
    paused = Backoff()
    for _ in range(8):
        await paused.pause()
    paused.reset()
    await paused.pause()
    assert pauses.seconds == pytest.approx([0.9 * s for s in (1, 2, 4, 8, 16, 32, 60, 60, 1)])


async def test_a_pause_ends_when_the_way_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 1000 * PATIENCE_S)
    paused = Backoff()
    pause = asyncio.create_task(paused.pause())
    await asyncio.sleep(0)
    paused.end()
    await asyncio.wait_for(pause, PATIENCE_S)
    # Told between the attempt and its pause.
    paused.end()
    await asyncio.wait_for(paused.pause(), PATIENCE_S)
    with pytest.raises(TimeoutError):  # once told, one pause ended
        await asyncio.wait_for(paused.pause(), 0.05)
