"""A module's HEALTHCHECK, from its Dockerfile to a new process (spec D.2-5b)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge_runtime.agent.agent import Agent
from edge_runtime.agent.engine import EngineError, Identity
from edge_runtime.agent.environment import Device, MetricsPorts
from edge_runtime.agent.module import ModuleState
from edge_runtime.agent.process_engine import ProcessEngine
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.agent.restart import RuntimeStatus
from edge_runtime.manifest import ModuleSource, ModuleSpec
from edge_runtime.state_folder import StateFolder
from tests.patience import PATIENCE_S

DOCKERFILE = """FROM python:3.11-slim
WORKDIR /app
COPY camera ./camera
HEALTHCHECK --interval=50ms --timeout=60s --retries=2 CMD ["python3", "-m", "camera.check"]
CMD ["python3", "-m", "camera"]
"""
# The check finds the environment that the module finds.
MAIN = "import os, time; open(os.environ['PIDS'], 'a').write(f'{os.getpid()}\\n'); time.sleep(1000)"
CHECK = "import os, sys; sick = os.path.exists(os.environ['SICK']); print('fever' if sick else 'fine'); sys.exit(sick)"


class Bench:
    """An agent with the process engine and one module."""

    def __init__(self, root: Path) -> None:
        for name, text in {
            "camera/__main__.py": MAIN,
            "camera/check.py": CHECK,
            "Dockerfile": DOCKERFILE,
        }.items():
            (root / "solution" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "solution" / name).write_text(text)
        self.sick, self.pids = root / "sick", root / "pids"
        state = StateFolder(root / "state")
        state.create()
        ports = MetricsPorts()
        ports.assign(["camera"])
        source = ModuleSource(
            folder=root / "solution",
            platform="amd64",
            dockerfile=root / "solution" / "Dockerfile",
            context=root / "solution",
            repository="camera",
            image="camera:1",
            build_options=(),
        )
        self.engine = ProcessEngine(
            state=state,
            device=Device("edge", "local.azure-devices.net", "127.0.0.1"),
            find_source=lambda image: source if image == "camera:1" else None,
            commands={},
            registry=ProcessRegistry(state.processes),
            ports=ports,
        )
        self.told: list[ModuleState] = []
        self.agent = Agent(self.engine, self.told.append)

    def desire(self, **settings: object) -> None:
        env = {"SICK": str(self.sick), "PIDS": str(self.pids)}
        spec = ModuleSpec("camera", "camera:1", env=env, **settings)  # type: ignore[arg-type]
        self.agent.desire([spec], {"camera": Identity("g", "unix:///s")})

    @property
    def state(self) -> ModuleState | None:
        return self.agent.states().get("camera")

    async def until(self, condition: Callable[[ModuleState], bool]) -> ModuleState:
        async with asyncio.timeout(PATIENCE_S):
            while (state := self.state) is None or not condition(state):
                await asyncio.sleep(0.02)
        return state


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    one = Bench(tmp_path)
    loop = asyncio.create_task(one.agent.run())
    yield one
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop
    await one.agent.stop()


async def test_an_unhealthy_module_gets_a_new_process(bench: Bench) -> None:
    bench.desire(restart_policy="on-unhealthy")
    await bench.until(lambda state: state.status is RuntimeStatus.RUNNING and bench.pids.exists())
    bench.sick.touch()
    await bench.until(lambda state: state.restart_count == 1)
    bench.sick.unlink()
    state = await bench.until(lambda state: state.status is RuntimeStatus.RUNNING)
    assert (state.restart_count, state.exit_code) == (1, 143)

    def both() -> bool:
        return len(set(bench.pids.read_text().split())) == 2

    await bench.until(lambda _state: both())


async def test_never_leaves_it_running_and_tells(bench: Bench) -> None:
    bench.desire(restart_policy="never")
    await bench.until(lambda state: state.status is RuntimeStatus.RUNNING)
    bench.sick.touch()
    state = await bench.until(lambda state: state.status is RuntimeStatus.UNHEALTHY)
    assert state.description == "unhealthy: its health check failed 2 times, the last time: fever"
    bench.sick.unlink()
    await bench.until(lambda state: state.status is RuntimeStatus.RUNNING)


async def test_create_options_take_the_check_away(bench: Bench) -> None:
    bench.desire(create_options={"Healthcheck": {"Test": ["NONE"]}})
    await bench.until(lambda state: state.status is RuntimeStatus.RUNNING)
    spec = ModuleSpec("camera", "camera:1", create_options={"Healthcheck": {"Test": ["NONE"]}})
    assert bench.engine.prepare(spec).check is None


async def test_wrong_options_are_named(bench: Bench) -> None:
    with pytest.raises(EngineError, match=r"Healthcheck\.Test must be a list"):
        bench.engine.prepare(ModuleSpec("camera", "camera:1", create_options={"Healthcheck": {"Test": 5}}))
