"""The reconcile loop."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from itertools import pairwise

import pytest

from edge_runtime.agent.engine import Identity
from edge_runtime.agent.restart import RuntimeStatus
from edge_runtime.manifest import ModuleSpec
from tests.agent.bench import Bench, ScriptedEngine, working


async def test_modules_start_in_the_order_of_their_groups() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i", startup_order=2), ModuleSpec("b", "i", startup_order=1))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        assert [call for call in bench.engine.calls if "start" in call] == ["start b", "start a"]
        assert {state.status for state in bench.agent.states().values()} == {RuntimeStatus.RUNNING}


async def test_a_slow_start_holds_back_later_groups_and_nothing_else() -> None:
    bench = Bench(ScriptedEngine(slow={"b": asyncio.Event()}))
    bench.desire(
        *(ModuleSpec(name, "i", startup_order=order) for name, order in zip("abc", (1, 1, 2), strict=True))
    )
    async with working(bench) as tasks:
        await bench.settle(tasks)
        assert [call for call in bench.engine.calls if "start" in call] == ["start a", "start b"]
        assert bench.status("b") is RuntimeStatus.UNKNOWN
        bench.engine.running["a"].end(1)
        await bench.settle(tasks)
        bench.now += 10
        await bench.settle(tasks)
        assert bench.engine.calls.count("start a") == 2
        assert "start c" not in bench.engine.calls
        bench.engine.slow["b"].set()
        await bench.settle(tasks)
        assert {state.status for state in bench.agent.states().values()} == {RuntimeStatus.RUNNING}
        assert bench.engine.calls.count("start b") == 1


@pytest.mark.parametrize("then", [None, "stopped", "running"])
async def test_a_slow_start_is_given_up_when_something_else_is_desired(then: str | None) -> None:
    bench = Bench(ScriptedEngine(slow={"a": asyncio.Event()}))
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        del bench.engine.slow["a"]
        bench.desire(*([ModuleSpec("a", "other" if then == "running" else "i", status=then)] if then else []))
        await bench.settle(tasks)
        found = bench.agent.states()
        assert {name: state.status.value for name, state in found.items()} == ({"a": then} if then else {})
        assert ("remove a" in bench.engine.calls) is (then is None)


async def test_a_restart_storm_backs_off_fails_after_twenty_and_harms_no_other() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i"), ModuleSpec("b", "i"))
    async with working(bench) as tasks:
        starts = []
        for _ in range(6000):
            before = len(bench.engine.calls)
            await bench.settle(tasks)
            if "start a" in bench.engine.calls[before:]:
                starts.append(bench.now)
                bench.engine.running["a"].end(1)
                await bench.settle(tasks)
            bench.now += 1.0
            if bench.status("a") is RuntimeStatus.FAILED:
                break
        waits = [later - earlier for earlier, later in pairwise(starts)]
        assert [round(wait) for wait in waits] == pytest.approx([10, 20, 40, 80, 160, *[300] * 15], abs=1)
        assert len(starts) == 21
        assert bench.agent.states()["a"].restart_count == 20
        assert bench.engine.calls.count("start b") == 1
        bench.now += 10_000
        await bench.settle(tasks)
        assert bench.engine.calls.count("start a") == 21


async def test_ten_healthy_minutes_forget_the_restarts() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.fail_once(tasks, "a")
        bench.now += 600
        await bench.settle(tasks)
        assert bench.agent.states()["a"].restart_count == 0


async def test_desired_stopped_stops_and_desired_running_starts_the_same_again_at_once() -> None:
    bench = Bench()
    spec = ModuleSpec("a", "i")
    bench.desire(spec)
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.desire(replace(spec, status="stopped"))
        await bench.settle(tasks)
        assert bench.status("a") is RuntimeStatus.STOPPED
        assert bench.agent.states()["a"].exit_code == 143
        bench.desire(spec)
        await bench.settle(tasks)
        assert bench.status("a") is RuntimeStatus.RUNNING
        assert bench.engine.calls == ["create a", "start a", "start a"]
        assert bench.agent.states()["a"].restart_count == 0


async def test_a_changed_spec_is_created_anew_and_its_counters_are_forgotten() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.engine.running["a"].end(1)
        bench.now += 1
        await bench.settle(tasks)
        bench.now += 10
        await bench.settle(tasks)
        assert bench.agent.states()["a"].restart_count == 1
        bench.desire(ModuleSpec("a", "i", env={"A": "1"}))
        await bench.settle(tasks)
        assert bench.engine.calls == ["create a", "start a", "start a", "create a", "start a"]
        assert bench.agent.states()["a"].restart_count == 0


async def test_a_removed_module_is_stopped_and_removed_others_go_on() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i"), ModuleSpec("b", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.desire(ModuleSpec("b", "i"))
        await bench.settle(tasks)
        assert list(bench.agent.states()) == ["b"]
        assert bench.engine.calls[-1] == "remove a"
        assert bench.status("b") is RuntimeStatus.RUNNING


async def test_a_module_that_does_not_stop_blocks_nobody() -> None:
    bench = Bench(ScriptedEngine(obeys=False))
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.desire(ModuleSpec("b", "i"))
        await bench.settle(tasks)
        assert bench.status("b") is RuntimeStatus.RUNNING
        assert bench.status("a") is RuntimeStatus.RUNNING


async def test_an_image_without_source_has_failed_with_the_reason_while_others_run() -> None:
    bench = Bench(ScriptedEngine(refused={"foreign:1"}))
    bench.desire(ModuleSpec("a", "foreign:1"), ModuleSpec("b", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.now += 1000
        await bench.settle(tasks)
        state = bench.agent.states()["a"]
        assert (state.status, state.description) == (RuntimeStatus.FAILED, "foreign:1 has no source")
        assert bench.status("b") is RuntimeStatus.RUNNING
        assert bench.engine.calls.count("create a") == 1
        assert bench.engine.calls.count("start a") == 0
        bench.desire(ModuleSpec("a", "i"), ModuleSpec("b", "i"))
        await bench.settle(tasks)
        assert bench.status("a") is RuntimeStatus.RUNNING


async def test_a_start_that_fails_is_tried_again_by_the_policy() -> None:
    bench = Bench(ScriptedEngine(broken={"a"}))
    bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        state = bench.agent.states()["a"]
        assert (state.status, state.exit_code) == (RuntimeStatus.BACKOFF, 127)
        assert state.description == "python3 is not on PATH; restart 1 after 10 s"
        bench.engine.broken.clear()
        bench.now += 10
        await bench.settle(tasks)
        assert bench.status("a") is RuntimeStatus.RUNNING


async def test_modules_without_an_identity_wait() -> None:
    bench = Bench()
    bench.agent.desire([ModuleSpec("a", "i"), ModuleSpec("b", "i")], {"b": Identity("g", "unix:///s")})
    async with working(bench) as tasks:
        await bench.settle(tasks)
        assert list(bench.agent.states()) == ["b"]


async def test_each_change_is_told_once() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i", restart_policy="never"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        bench.engine.running["a"].end(3)
        await bench.settle(tasks)
    told = [(state.status, state.description) for state in bench.told]
    assert told == [(RuntimeStatus.RUNNING, "pid 1"), (RuntimeStatus.FAILED, "exit code 3")]


async def test_stop_ends_all_side_by_side() -> None:
    bench = Bench()
    bench.desire(*(ModuleSpec(name, "i") for name in "abc"))
    loop = asyncio.create_task(bench.agent.run())
    while len(bench.engine.running) < 3:
        await asyncio.sleep(0)
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop
    await bench.agent.stop()
    assert {state.status for state in bench.agent.states().values()} == {RuntimeStatus.STOPPED}


async def test_kill_forces_what_does_not_stop() -> None:
    bench = Bench(ScriptedEngine(obeys=False))
    bench.desire(ModuleSpec("a", "i"))
    loop = asyncio.create_task(bench.agent.run())
    while not bench.engine.running:
        await asyncio.sleep(0)
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop
    stopping = asyncio.create_task(bench.agent.stop())
    await asyncio.sleep(0.01)
    assert not stopping.done()
    bench.agent.kill()
    await asyncio.wait_for(stopping, 60)
    assert bench.agent.states()["a"].exit_code == 137


async def test_what_could_not_be_created_or_started_is_told() -> None:
    bench = Bench(ScriptedEngine(refused={"foreign:1"}, broken={"b"}))
    bench.desire(ModuleSpec("a", "foreign:1"), ModuleSpec("b", "i"), ModuleSpec("c", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        assert bench.agent.problems() == {"a": "foreign:1 has no source", "b": "python3 is not on PATH"}
        bench.engine.broken.clear()
        bench.now += 10
        await bench.settle(tasks)
        assert bench.agent.problems() == {"a": "foreign:1 has no source"}
        bench.desire(ModuleSpec("b", "i"))
        assert bench.agent.problems() == {}, "what is not desired any more is none"


async def test_a_deployment_that_comes_in_the_middle_of_a_round_takes_its_place() -> None:
    bench = Bench()
    bench.desire(ModuleSpec("a", "i"), ModuleSpec("b", "i"))
    bench.engine.on_start = lambda: bench.desire(ModuleSpec("a", "i"))
    async with working(bench) as tasks:
        await bench.settle(tasks)
        assert list(bench.agent.states()) == ["a"]
        assert bench.engine.calls == ["create a", "start a"]
