"""Modules that the engine does not end when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from edge_runtime.agent.engine import EngineError
from edge_runtime.agent.restart import RuntimeStatus
from edge_runtime.manifest import ModuleSpec
from tests.agent.bench import Bench, ScriptedInstance, working
from tests.patience import PATIENCE_S

SPEC = ModuleSpec("a", "i")
REASON = "tried to kill it, but it did not end"


class Stubborn:
    """In place of an instance's `stop`: refuses so many times."""

    def __init__(self, instance: ScriptedInstance, times: int) -> None:
        self.asked = 0
        self._times = times
        self._obey = instance.stop
        instance.stop = self.stop  # type: ignore[method-assign]

    async def stop(self, grace_s: float) -> int:
        self.asked += 1
        if self.asked <= self._times:
            raise EngineError(REASON)
        return await self._obey(grace_s)


@asynccontextmanager
async def refusing(times: int) -> AsyncIterator[tuple[Bench, asyncio.TaskGroup, Stubborn]]:
    """An agent at work, with a module that runs and whose engine refuses to stop it so many times."""
    bench = Bench()
    bench.desire(SPEC)
    async with working(bench) as tasks:
        await bench.settle(tasks)
        yield bench, tasks, Stubborn(bench.engine.running["a"], times=times)


async def test_what_the_engine_does_not_stop_is_reported_and_tried_again() -> None:
    async with refusing(times=100) as (bench, tasks, stubborn):
        bench.desire(replace(SPEC, status="stopped"))
        await bench.settle(tasks)
        state = bench.agent.states()["a"]
        assert (state.status, state.description) == (RuntimeStatus.RUNNING, REASON)
        assert bench.agent.problems() == {"a": REASON}
        stubborn._times = stubborn.asked
        await bench.settle(tasks)
        state = bench.agent.states()["a"]
        assert (state.status, state.description) == (RuntimeStatus.STOPPED, "stopped")
        assert bench.agent.problems() == {}


async def test_it_is_not_replaced_before_it_has_ended() -> None:
    async with refusing(times=100) as (bench, tasks, stubborn):
        bench.desire(replace(SPEC, image="other"))
        await bench.settle(tasks)
        assert bench.engine.calls == ["create a", "start a"]
        stubborn._times = 0
        await bench.settle(tasks)
        assert bench.engine.calls == ["create a", "start a", "create a", "start a"]
        assert bench.agent.states()["a"].description == "pid 1"


async def test_who_asks_for_a_restart_is_told() -> None:
    async with refusing(times=1) as (bench, _tasks, _):
        with pytest.raises(EngineError, match=REASON):
            await bench.agent.restart("a")


async def test_the_end_of_a_run_does_not_wait_for_it() -> None:
    bench = Bench()
    bench.desire(SPEC, ModuleSpec("b", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        Stubborn(bench.engine.running["a"], times=100)
        await asyncio.wait_for(bench.agent.stop(), 5)
        assert bench.engine.running["b"].ended.done()


async def test_a_restart_that_comes_through_at_last_is_no_failure() -> None:
    async with refusing(times=1) as (bench, tasks, _):
        with pytest.raises(EngineError, match=REASON):
            await bench.agent.restart("a")
        again = asyncio.create_task(bench.agent.restart("a"))
        await bench.settle(tasks)
        await asyncio.wait_for(again, PATIENCE_S)
        assert bench.engine.calls == ["create a", "start a", "start a"]


async def test_who_may_go_on_after_all_is_no_problem_any_more() -> None:
    async with refusing(times=100) as (bench, tasks, _):
        bench.desire(replace(SPEC, status="stopped"))
        await bench.settle(tasks)
        bench.desire(SPEC)
        await bench.settle(tasks)
        assert bench.agent.problems() == {}
        assert bench.agent.states()["a"].description == "pid 1"


async def test_the_end_of_a_run_sees_what_ends_at_last() -> None:
    bench = Bench()
    bench.desire(SPEC)
    run = asyncio.create_task(bench.agent.run())
    async with asyncio.timeout(PATIENCE_S):
        while "a" not in bench.engine.running:
            await asyncio.sleep(0)
    Stubborn(bench.engine.running["a"], times=1)
    with pytest.raises(EngineError, match=REASON):
        await bench.agent.restart("a")
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await asyncio.wait_for(bench.agent.stop(), PATIENCE_S)
    assert bench.status("a") is RuntimeStatus.STOPPED
