"""Health checks: Docker's judgement, and the processes that are run for it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_runtime import lasting
from edge_runtime.agent.child import Child
from edge_runtime.agent.health import Health, HealthMonitor, Outcome
from edge_runtime.manifest.healthcheck import Healthcheck
from tests.patience import PATIENCE_S, eventually

CHECK = Healthcheck(("check",), interval_s=30, timeout_s=10, start_period_s=60, start_interval_s=5, retries=3)
GOOD, BAD = Outcome(healthy=True), Outcome(healthy=False, said="no heartbeat")


def judged(check: Healthcheck, *outcomes: tuple[float, Outcome]) -> str | None:
    health = Health(check, 0.0)
    for at, outcome in outcomes:
        health.take(outcome, at)
    return health.unhealthy


def test_so_many_failures_one_after_another_make_it_unhealthy() -> None:
    assert judged(CHECK, (10, GOOD), (70, BAD), (100, BAD)) is None
    assert judged(CHECK, (10, GOOD), (70, BAD), (100, BAD), (130, BAD)) == (
        "unhealthy: its health check failed 3 times, the last time: no heartbeat"
    )
    assert judged(CHECK, (10, GOOD), (70, BAD), (100, BAD), (130, GOOD), (160, BAD), (190, BAD)) is None


def test_further_failures_are_no_news() -> None:
    told = judged(CHECK, *((float(at), BAD) for at in (70, 100, 130)))
    other = Outcome(healthy=False, said="no camera")
    assert judged(CHECK, *((float(at), BAD) for at in (70, 100, 130)), (160, other), (190, BAD)) == told


def test_a_success_makes_it_healthy_again() -> None:
    assert judged(CHECK, *((float(at), BAD) for at in (70, 100, 130)), (160, GOOD)) is None


def test_failures_in_the_start_period_do_not_count_until_the_first_success() -> None:
    early = [(float(at), BAD) for at in range(5, 60, 5)]
    assert judged(CHECK, *early) is None
    assert judged(CHECK, *early, (60, BAD), (90, BAD)) is None
    assert judged(CHECK, *early, (60, BAD), (90, BAD), (120, BAD)) is not None
    assert judged(CHECK, (5, GOOD), (35, BAD), (40, BAD), (45, BAD)) is not None


def test_one_failure_is_told_as_one() -> None:
    assert judged(Healthcheck(("check",), retries=1), (30, Outcome(healthy=False))) == (
        "unhealthy: its health check failed once"
    )


def test_until_the_first_success_of_the_start_period_it_is_asked_more_often() -> None:
    health = Health(CHECK, 0.0)
    assert health.next_in_s(0.0) == 5
    health.take(BAD, 5.0)
    assert health.next_in_s(5.0) == 5
    assert health.next_in_s(60.0) == 30
    health.take(GOOD, 10.0)
    assert health.next_in_s(10.0) == 30
    assert Health(Healthcheck(("check",)), 0.0).next_in_s(0.0) == 30


class Bench:
    """Real checks, without the pauses between them: one is run for each `go`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.turn = asyncio.Event()
        self.waiting = asyncio.Event()
        self.pauses: list[float] = []
        self.children: list[Child] = []
        self.monitor: HealthMonitor | None = None

    def start(self, code: str, **settings: float) -> HealthMonitor:
        check = Healthcheck((sys.executable, "-c", code), retries=1, **settings)
        self.monitor = HealthMonitor(check, self.spawn, sleep=self.sleep)
        return self.monitor

    def spawn(self, output: Path) -> Child:
        assert self.monitor is not None
        command = self.monitor._check.command
        self.children.append(Child.spawn(command, environment={}, folder=self.folder, log=output))
        return self.children[-1]

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.waiting.set()
        await self.turn.wait()
        self.turn.clear()

    async def go(self) -> str | None:
        """Run the next check; what is thought of the module then."""
        await self.waiting.wait()
        self.waiting.clear()
        self.turn.set()
        await asyncio.wait_for(self.waiting.wait(), PATIENCE_S)
        assert self.monitor is not None
        return self.monitor.unhealthy


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    one = Bench(tmp_path)
    yield one
    if one.monitor is not None:
        await one.monitor.stop()


async def test_a_check_that_exits_with_0_is_healthy_any_other_is_not(bench: Bench) -> None:
    bench.start("import os, sys; sys.exit(int(open('code').read()))")
    for code, expected in (
        (0, None),
        (1, "unhealthy: its health check failed once, the last time: exit code 1"),
        (0, None),
        (3, "unhealthy: its health check failed once, the last time: exit code 3"),
    ):
        (bench.folder / "code").write_text(str(code))
        assert await bench.go() == expected
    assert bench.pauses == [30.0] * 5


async def test_what_a_check_writes_is_the_reason(bench: Bench) -> None:
    bench.start("import sys; print('no heartbeat\\nsince', 'x' * 9000, file=sys.stderr); sys.exit(1)")
    said = await bench.go()
    assert said is not None
    assert said.startswith("unhealthy: its health check failed once, the last time: no heartbeat since xxx")
    assert len(said) < 300


async def test_a_check_that_does_not_end_is_ended_with_all_it_started(bench: Bench) -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)']); "
        "open('pid', 'w').write(str(p.pid)); p.wait()"
    )
    bench.start(code, timeout_s=3.0)
    assert await bench.go() == "unhealthy: its health check failed once, the last time: no end within 3 s"
    assert await asyncio.wait_for(bench.children[0].wait(), PATIENCE_S) == 137
    grandchild = bench.folder / "pid"
    if grandchild.exists():
        await eventually(lambda: not runs(int(grandchild.read_text())))


@pytest.mark.parametrize(("program", "reason"), [("nowhere", "No such file"), ("a\0b", "embedded null byte")])
async def test_a_check_that_cannot_be_started_has_failed(bench: Bench, program: str, reason: str) -> None:
    check = Healthcheck((program,), retries=1)
    bench.monitor = HealthMonitor(check, bench.spawn, sleep=bench.sleep)
    said = await bench.go()
    assert said is not None
    assert reason in said


async def test_a_check_that_runs_ends_with_the_module(bench: Bench) -> None:
    monitor = bench.start("import time; time.sleep(1000)")
    await bench.waiting.wait()
    bench.turn.set()
    await eventually(lambda: bool(bench.children))
    await asyncio.wait_for(monitor.stop(), PATIENCE_S)
    assert bench.children[0].exited


async def test_a_check_that_fails_unexpectedly_is_told_and_done_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lasting, "FIRST_PAUSE_S", 0.0)
    bench.start("import sys; sys.exit(1)")
    with monkeypatch.context() as patch:
        patch.setattr(os, "memfd_create", no_memory)
        assert await bench.go() is None
    assert "OSError: no memory" in caplog.text
    assert await bench.go() is not None


def no_memory(name: str) -> int:
    raise OSError("no memory")


async def test_no_check_leaves_a_descriptor(bench: Bench) -> None:
    bench.start("pass")
    await bench.go()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        await bench.go()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
