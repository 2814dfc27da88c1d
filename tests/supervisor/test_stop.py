from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from demo.stop_signals import StopSignals
from edge_runtime.supervisor.stop import StopRequest
from tests.patience import PATIENCE_S


@pytest.fixture
def no_hangup() -> Iterator[None]:
    """As `nohup` starts a program."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("heeds_hangup")
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
async def test_a_signal_asks_to_stop_and_a_second_one_at_once(number: signal.Signals) -> None:
    stop, forced = StopRequest(), asyncio.Event()
    stop.on_second(forced.set)
    os.kill(os.getpid(), number)
    await asyncio.wait_for(stop.wait(), PATIENCE_S)
    assert not forced.is_set()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(forced.wait(), PATIENCE_S)


@pytest.mark.usefixtures("no_hangup")
async def test_under_nohup_the_end_of_the_terminal_is_no_request() -> None:
    stop = StopRequest()
    os.kill(os.getpid(), signal.SIGHUP)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stop.wait(), 0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(stop.wait(), PATIENCE_S)


@pytest.mark.usefixtures("no_hangup")
def test_the_demo_heeds_nohup_too() -> None:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signals = StopSignals()
    os.kill(os.getpid(), signal.SIGHUP)
    assert [signals.seen] == [False]
    os.kill(os.getpid(), signal.SIGTERM)
    assert signals.seen
    for number, handler in kept.items():
        signal.signal(number, handler)
