"""The process engine: a module starts as its image would start it, with what the image has."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from edge_runtime.agent.engine import EngineError, Identity
from edge_runtime.agent.environment import Device, MetricsPorts
from edge_runtime.agent.process_engine import ProcessEngine
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.manifest import ModuleSource, ModuleSpec
from edge_runtime.state_folder import StateFolder

IDENTITY = Identity("g1", "unix:///s/camera.sock")
SPEC = ModuleSpec("camera", "camera:1")
TELLS = """
import json, os, sys
def there(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
print(json.dumps({
    "cwd": os.getcwd(), "python": sys.executable, "environment": dict(os.environ),
    "kit": there("kit"), "forgotten": there("forgotten"), "model": open(os.environ["MODEL"]).read(),
}))
"""
DOCKERFILE = """FROM python:3.11-slim AS build
RUN pip install numpy
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 MODEL=/app/model/m.tflite PATH=/opt/bin:$PATH
WORKDIR /app
COPY --from=build /usr/local /usr/local
COPY libs/kit ./kit
COPY model ./model
COPY camera/camera ./camera
USER 10001
CMD ["python3", "-m", "camera"]
"""


class Bench:
    """A solution with one module, and the engine that runs it."""

    def __init__(self, root: Path) -> None:
        self.context = root / "solution"
        for name, content in {
            "libs/kit/__init__.py": "",
            "libs/forgotten/__init__.py": "",
            "model/m.tflite": "weights",
            "camera/camera/__main__.py": TELLS,
            "camera/Dockerfile.amd64": DOCKERFILE,
        }.items():
            path = self.context / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.dockerfile = self.context / "camera" / "Dockerfile.amd64"
        self.state = StateFolder(root / "state")
        self.state.create()
        self.registry = ProcessRegistry(self.state.processes)
        ports = MetricsPorts()
        ports.assign(["camera"])
        self.engine = ProcessEngine(
            state=self.state,
            device=Device("edge", "local.azure-devices.net", "127.0.0.1"),
            find_source=self.find,
            commands={"given": ("python3", "-c", "import os; print(os.environ['IOTEDGE_MODULEID'])")},
            registry=self.registry,
            ports=ports,
        )

    def find(self, image: str) -> ModuleSource | None:
        if image != SPEC.image:
            return None
        folder = self.context / "camera"
        return ModuleSource(folder, "amd64", self.dockerfile, self.context, "camera", image, ())

    async def started(self, spec: ModuleSpec = SPEC) -> int:
        await self.engine.create(spec)
        return await (await self.engine.start(spec, IDENTITY)).wait()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_the_module_finds_what_its_image_would_hold_and_nothing_more(bench: Bench) -> None:
    assert await bench.started() == 0
    told = json.loads(bench.state.log("camera").read_text())
    app = bench.state.modules / "camera" / "app"
    assert told["cwd"] == str(app)
    assert (told["kit"], told["forgotten"], told["model"]) == (True, False, "weights")
    environment = told["environment"]
    assert environment["MODEL"] == f"{app}/model/m.tflite"
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert environment["IOTEDGE_MODULEID"] == "camera"
    assert "/opt/bin" not in environment["PATH"]


async def test_the_manifest_s_paths_into_the_image_become_real(bench: Bench) -> None:
    (bench.context / "model" / "other.tflite").write_text("other")
    spec = ModuleSpec("camera", "camera:1", env={"MODEL": "/app/model/other.tflite"})
    assert await bench.started(spec) == 0
    assert json.loads(bench.state.log("camera").read_text())["model"] == "other"


async def test_the_registry_knows_the_process_for_as_long_as_it_runs(bench: Bench) -> None:
    (bench.context / "camera/camera/__main__.py").write_text("import time; time.sleep(60)")
    await bench.engine.create(SPEC)
    instance = await bench.engine.start(SPEC, IDENTITY)
    waiting = asyncio.create_task(instance.wait())
    assert f"pid {bench.registry.modules['camera'].pid}" == instance.label
    assert await instance.stop(30.0) == 143
    await waiting
    assert bench.registry.modules == {}


@pytest.mark.parametrize(
    ("dockerfile", "part"),
    [
        (DOCKERFILE.replace("libs/kit", "libs/none"), "COPY libs/none"),
        (DOCKERFILE.replace('["python3", "-m", "camera"]', "python3 -m camera"), "shell form"),
        ("", "there is no FROM"),
    ],
)
async def test_a_dockerfile_that_gives_no_start_is_told_with_its_place(
    bench: Bench, dockerfile: str, part: str
) -> None:
    bench.dockerfile.write_text(dockerfile)
    with pytest.raises(EngineError, match=part) as error:
        await bench.engine.create(SPEC)
    assert str(bench.dockerfile) in str(error.value)


async def test_an_image_from_elsewhere_is_told_with_both_mends(bench: Bench) -> None:
    with pytest.raises(EngineError, match=r"--module foreign=CMD.*--without foreign"):
        await bench.engine.create(ModuleSpec("foreign", "registry.example.com/x:1"))


@pytest.mark.parametrize(
    ("command", "env", "part"),
    [
        ("no-such-program", {}, "no-such-program is not on PATH"),
        ("python3", {"BAD=NAME": "x"}, "cannot be started"),
        ("python3", {"NUL": "a\0b"}, "cannot be started"),
    ],
)
async def test_what_cannot_be_started_is_told(
    bench: Bench, command: str, env: dict[str, str], part: str
) -> None:
    bench.dockerfile.write_text(DOCKERFILE.replace('["python3"', f'["{command}"'))
    spec = ModuleSpec("camera", "camera:1", env=env)
    await bench.engine.create(spec)
    with pytest.raises(EngineError, match=part):
        await bench.engine.start(spec, IDENTITY)


async def test_removal_takes_the_view_and_leaves_the_source(bench: Bench) -> None:
    await bench.engine.create(SPEC)
    await bench.engine.remove("camera")
    assert list(bench.state.modules.iterdir()) == []
    assert (bench.context / "libs/kit/__init__.py").exists()
