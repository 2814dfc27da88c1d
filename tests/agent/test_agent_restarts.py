"""Restarts that no exit caused: those that somebody asks for, and those of unhealthy modules."""

from __future__ import annotations

import asyncio

import pytest

from edge_runtime.agent.engine import EngineError
from edge_runtime.agent.restart import RuntimeStatus
from edge_runtime.manifest import ModuleSpec
from tests.agent.bench import Bench, ScriptedEngine, working


async def test_a_restart_that_was_asked_for_is_none_that_a_policy_counts() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i", restart_policy="never"), ModuleSpec("b", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        restarting = asyncio.create_task(bench.agent.restart("a"))
        await bench.settle(tasks)
        await restarting
        assert [call for call in bench.engine.calls if call.endswith("a")] == [
            "create a",
            "start a",
            "start a",
        ]
        state = bench.agent.states()["a"]
        assert (state.status, state.restart_count, state.exit_code) == (RuntimeStatus.RUNNING, 0, 143)


async def test_a_module_that_has_ended_or_waits_for_its_back_off_is_started_when_asked() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i", restart_policy="never"), ModuleSpec("b", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.engine.running["a"].end(0)
        bench.engine.running["b"].end(1)
        await bench.settle(tasks)
        assert bench.status("b") is RuntimeStatus.BACKOFF
        restarting = [asyncio.create_task(bench.agent.restart(name)) for name in "ab"]
        await asyncio.sleep(0)
        await bench.settle(tasks)
        await asyncio.gather(*restarting)
        assert {state.status for state in bench.agent.states().values()} == {RuntimeStatus.RUNNING}


async def test_two_who_ask_at_once_get_one_restart() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        restarting = [asyncio.create_task(bench.agent.restart("a")) for _ in range(2)]
        await bench.settle(tasks)
        await asyncio.gather(*restarting)
        assert bench.engine.calls.count("start a") == 2


async def test_a_restart_that_cannot_be_says_why() -> None:
    bench = Bench(ScriptedEngine(refused={"foreign:1"}))
    bench.desire(ModuleSpec("a", "i"), ModuleSpec("b", "foreign:1"), ModuleSpec("c", "i", status="stopped"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        for name, reason in {
            "nobody": "Module nobody not found in the current environment",
            "b": "foreign:1 has no source",
            "c": "Module c is desired to be stopped",
        }.items():
            with pytest.raises(EngineError, match=reason):
                await bench.agent.restart(name)
        bench.engine.broken.add("a")
        restarting = asyncio.create_task(bench.agent.restart("a"))
        await asyncio.sleep(0)
        await bench.settle(tasks)
        with pytest.raises(EngineError, match="python3 is not on PATH"):
            await restarting


@pytest.mark.parametrize(
    ("specs", "reason"), [((), "was removed"), ((ModuleSpec("a", "j"),), "was replaced")]
)
async def test_a_restart_ends_with_the_module(specs: tuple[ModuleSpec, ...], reason: str) -> None:
    bench = Bench(ScriptedEngine(obeys=False))
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        restarting = asyncio.create_task(bench.agent.restart("a"))
        await asyncio.sleep(0)
        bench.desire(*specs)
        bench.engine.running["a"].end(137)
        await bench.settle(tasks)
        with pytest.raises(EngineError, match=reason):
            await restarting


async def test_an_unhealthy_module_is_ended_and_started_again_and_that_counts() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i", restart_policy="on-unhealthy"), ModuleSpec("b", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.engine.running["a"].unhealthy = "no heartbeat"
        await bench.settle(tasks)
        state = bench.agent.states()["a"]
        assert (state.status, state.restart_count, state.exit_code) == (RuntimeStatus.RUNNING, 1, 143)
        assert state.restarted_at == state.started_at
        # The second time it waits, from its exit on, twice ten seconds; what it waits for is told.
        bench.engine.running["a"].unhealthy = "no heartbeat"
        bench.now += 19
        await bench.settle(tasks)
        waiting = bench.agent.states()["a"]
        assert (waiting.status, waiting.description) == (
            RuntimeStatus.BACKOFF,
            "no heartbeat; restart 2 after 20 s",
        )
        bench.now += 1
        await bench.settle(tasks)
        assert bench.agent.states()["a"].restart_count == 2
        assert bench.engine.calls.count("start a") == 3
        assert bench.engine.calls.count("start b") == 1


async def test_an_unhealthy_module_that_recovers_in_time_stays() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.fail_once(tasks, "a")
        bench.engine.running["a"].unhealthy = "no heartbeat"
        await bench.settle(tasks)
        assert bench.status("a") is RuntimeStatus.BACKOFF
        bench.engine.running["a"].unhealthy = None
        bench.now += 100
        await bench.settle(tasks)
        assert bench.status("a") is RuntimeStatus.RUNNING
        assert bench.agent.states()["a"].restart_count == 1


async def test_ten_minutes_of_being_unhealthy_forget_no_restart() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i", restart_policy="never"), ModuleSpec("b", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.engine.running["a"].unhealthy = "no heartbeat"
        await bench.settle(tasks)
        state = bench.agent.states()["a"]
        assert (state.status, state.description) == (RuntimeStatus.UNHEALTHY, "no heartbeat")
        for _ in range(20):
            bench.engine.running["b"].end(1)
            await bench.settle(tasks)
            bench.now += 300
            await bench.settle(tasks)
        bench.engine.running["b"].unhealthy = "no heartbeat"
        bench.now += 1000
        await bench.settle(tasks)
        state = bench.agent.states()["b"]
        assert (state.status, state.restart_count) == (RuntimeStatus.FAILED, 20)


async def test_who_waits_for_a_restart_is_told_that_the_module_is_to_be_stopped() -> None:
    bench = Bench(ScriptedEngine(slow={"a": asyncio.Event()}))
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        restart = asyncio.create_task(bench.agent.restart("a"))
        await bench.settle(tasks)
        bench.desire(ModuleSpec("a", "i", status="stopped"))
        await bench.settle(tasks)
        assert restart.done()
        with pytest.raises(EngineError, match="desired to be stopped"):
            await restart
