"""The process engine on an image of the usual kind: one stage, pip, a script started by its path."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edge_runtime.agent.engine import EngineError, Identity, UnstartableError
from edge_runtime.agent.environment import Device, MetricsPorts
from edge_runtime.agent.process_engine import ProcessEngine
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.manifest import ModuleSource, ModuleSpec
from edge_runtime.state_folder import StateFolder
from tests.agent.wheels import make_wheel

SPEC = ModuleSpec("filter", "filter:1")
DOCKERFILE = """FROM amd64/python:3.11-slim
WORKDIR /app
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY {copied} ./
CMD ["python3", "-u", "./main.py"]
"""
TELLS = """
import importlib.util, json, sys
names = ("beside", "forgotten", "thermometer", "aiohttp")
print(json.dumps({
    "there": [name for name in names if importlib.util.find_spec(name)], "python": sys.executable, "edition": 1,
}))
"""


class Bench:
    def __init__(self, root: Path) -> None:
        self.folder = root / "filter"
        self.folder.mkdir()
        for name in ("beside.py", "forgotten.py"):
            (self.folder / name).write_text("")
        self.require("thermometer")
        self.copy("main.py beside.py")
        (self.folder / "main.py").write_text(TELLS)
        self.state = StateFolder(root / "state")
        self.state.create()
        self.said: list[str] = []
        ports = MetricsPorts()
        ports.assign(["filter"])
        self.engine = ProcessEngine(
            state=self.state,
            device=Device("edge", "local.azure-devices.net", "127.0.0.1"),
            find_source=lambda image: ModuleSource(
                self.folder, "amd64", self.folder / "Dockerfile", self.folder, "filter", image, ()
            ),
            commands={},
            registry=ProcessRegistry(self.state.processes),
            ports=ports,
            say=lambda module, text: self.said.append(f"{module}: {text}"),
        )

    def copy(self, names: str) -> None:
        (self.folder / "Dockerfile").write_text(DOCKERFILE.format(copied=names))

    def require(self, text: str) -> None:
        (self.folder / "requirements.txt").write_text(text)

    async def start(self) -> dict[str, object]:
        """What the program tells."""
        instance = await self.engine.start(SPEC, Identity("1", "unix:///s/filter.sock"))
        assert await instance.wait() == 0, self.state.log("filter").read_text()
        told: dict[str, object] = json.loads(self.state.log("filter").read_text().splitlines()[-1])
        return told


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    make_wheel(tmp_path / "wheels", "thermometer", "1.0")
    for name, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "wheels"),
        "PIP_CONFIG_FILE": os.devnull,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    return Bench(tmp_path)


async def test_the_program_has_its_own_packages_and_the_files_of_its_image_alone(bench: Bench) -> None:
    await bench.engine.create(SPEC)
    told = await bench.start()
    assert told["there"] == ["beside", "thermometer"]
    assert str(told["python"]).startswith(str(bench.state.path.parent / "cache" / "edge-runtime" / "python"))
    assert bench.said[0].startswith("filter: installing requirements.txt")


async def test_a_restart_takes_the_program_as_it_is_now(bench: Bench) -> None:
    bench.copy(".")
    await bench.engine.create(SPEC)
    assert (await bench.start())["edition"] == 1
    (bench.folder / "main.py").write_text(TELLS.replace('"edition": 1', '"edition": 2'))
    assert (await bench.start())["edition"] == 2
    assert (bench.folder / "main.py").is_file(), "the source is still there"
    assert not (bench.folder / "main.py").is_symlink()


async def test_what_pip_cannot_install_is_the_reason_for_good(bench: Bench) -> None:
    bench.require("absent==9")
    await bench.engine.create(SPEC)
    with pytest.raises(UnstartableError, match=r"requirements\.txt.*absent==9"):
        await bench.start()


async def test_a_new_edition_of_the_requirements_is_installed_when_the_module_is_made_anew(
    bench: Bench,
) -> None:
    bench.require("")
    await bench.engine.create(SPEC)
    assert (await bench.start())["there"] == ["beside"]
    bench.require("thermometer")
    await bench.engine.create(SPEC)
    assert (await bench.start())["there"] == ["beside", "thermometer"]


async def test_requirements_that_are_not_copied_first_are_told_with_their_line(bench: Bench) -> None:
    dockerfile = bench.folder / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("COPY requirements.txt ./\n", ""))
    with pytest.raises(EngineError, match=r"Dockerfile:3: .*requirements\.txt"):
        await bench.engine.create(SPEC)


async def test_an_installation_that_cannot_be_read_is_told_and_the_runtime_s_packages_serve(
    bench: Bench,
) -> None:
    dockerfile = bench.folder / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("-r requirements.txt", '"$(cat requirements.txt)"'))
    await bench.engine.create(SPEC)
    assert (await bench.start())["there"] == ["beside", "aiohttp"]
    assert "Dockerfile:4: pip install is passed over" in bench.said[0]


@pytest.mark.parametrize("installed", [True, False])
async def test_a_debug_image_s_debugger_is_kept_off_the_network(
    bench: Bench, tmp_path: Path, installed: bool
) -> None:
    """A debugger of the test's own, which tells how it was started, and then does as it is told."""
    make_wheel(
        tmp_path / "wheels",
        "debugpy",
        "1.8",
        package=TELLS.replace('"edition": 1', '"edition": sys.argv[1:]'),
    )
    bench.require("thermometer\ndebugpy\n" if installed else "thermometer\n")
    dockerfile = bench.folder / "Dockerfile"
    command = '"-u", "-m", "debugpy", "--listen", "0.0.0.0:5678", "./main.py"'
    dockerfile.write_text(dockerfile.read_text().replace('"-u", "./main.py"', command))
    await bench.engine.create(SPEC)
    told = await bench.start()
    assert told["edition"] == (["--listen", "127.0.0.1:5678", "./main.py"] if installed else 1)
    assert ("debugpy listens on 127.0.0.1:5678" if installed else "it starts without") in bench.said[-1]
