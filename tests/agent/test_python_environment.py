"""Environments for what an image installs: real pip, packages of the test's own."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.agent import kernel
from edge_runtime.agent.engine import UnstartableError
from edge_runtime.agent.pip_job import split_secrets
from edge_runtime.agent.python_environment import PythonEnvironments
from edge_runtime.manifest.pip_install import PipInstall
from tests.agent.wheels import make_wheel
from tests.patience import PATIENCE_S


class Bench:
    """`said` holds what is told of progress."""

    def __init__(self, folder: Path) -> None:
        self.wheels = folder / "wheels"
        self.cache = folder / "cache"
        self.folder = folder
        self.said: list[str] = []
        """But for what pip itself says, which depends on how long it takes."""
        make_wheel(self.wheels, "thermometer", "1.0")
        make_wheel(self.wheels, "sensors", "2.0", needs="thermometer")

    def requirements(self, text: str, name: str = "requirements.txt") -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    async def make(self, *files: Path, python: str = "") -> Path:
        environments = PythonEnvironments(self.cache, self.folder / "state")
        installs = [PipInstall(("--requirement", str(file)), (file,)) for file in files]
        return await environments.programs(installs, python, self._say)

    def _say(self, text: str) -> None:
        if not text.startswith("pip: "):
            self.said.append(text)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    # What is not for pip: it would see packages that are not there, or install elsewhere.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    return made


def imports(programs: Path, module: str) -> str:
    """What the environment's Python says of a module's version; "" without it."""
    code = f"import {module}; print({module}.VERSION)"
    done = subprocess.run(
        [str(programs / "python3"), "-c", code], env={}, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


async def test_an_environment_holds_what_is_required_and_nothing_of_the_runtime_s(bench: Bench) -> None:
    programs = await bench.make(bench.requirements("sensors==2.0\n"))
    assert (imports(programs, "sensors"), imports(programs, "thermometer")) == ("2.0", "1.0")
    assert imports(programs, "aiohttp") == ""
    assert [line.split(" ")[0] for line in bench.said] == ["installing", "installed"]
    assert "requirements.txt" in bench.said[0]


async def test_it_is_made_once_and_needs_no_index_again(bench: Bench) -> None:
    first = await bench.make(bench.requirements("thermometer\n"))
    bench.said.clear()
    for wheel in bench.wheels.iterdir():
        wheel.unlink()
    again = await bench.make(bench.requirements("thermometer\n", "other/requirements.txt"))
    assert (again, bench.said) == (first, [])


async def test_other_requirements_have_an_environment_of_their_own(bench: Bench) -> None:
    bench.requirements("thermometer\n", "base.txt")
    first = await bench.make(bench.requirements("-r base.txt\n"))
    bench.requirements("sensors\n", "base.txt")
    second = await bench.make(bench.requirements("-r base.txt\n"))
    assert first != second, "what a file includes counts"
    assert (imports(first, "sensors"), imports(second, "sensors")) == ("", "2.0")


async def test_pip_s_reason_is_told_and_the_next_try_starts_anew(bench: Bench) -> None:
    wanted = bench.requirements("absent==3\n")
    with pytest.raises(
        UnstartableError, match=r"requirements\.txt.*No matching distribution.*absent==3"
    ) as error:
        await bench.make(wanted)
    log = Path(str(error.value).rpartition("output: ")[2].rstrip(")"))
    assert "absent==3" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "index cannot be reached" not in str(error.value)
    make_wheel(bench.wheels, "absent", "3")
    assert imports(await bench.make(wanted), "absent") == "3"


async def test_an_index_out_of_reach_is_told_with_the_mend(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PIP_NO_INDEX")
    with pytest.raises(UnstartableError, match=r"index cannot be reached.*PIP_FIND_LINKS=DIR"):
        await bench.make(bench.requirements("absent\n"))


async def test_two_that_want_the_same_make_it_once(bench: Bench) -> None:
    wanted = bench.requirements("thermometer\n")
    assert len(set(await asyncio.gather(bench.make(wanted), bench.make(wanted)))) == 1
    assert len(bench.said) == 2


async def test_an_interrupted_one_is_made_anew_and_leaves_no_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted while pip waits for an index that never answers."""
    asked: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

    def keep(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not asked.done():
            asked.set_result(writer)

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wanted = bench.requirements("thermometer\n")
    with monkeypatch.context() as index:
        index.delenv("PIP_NO_INDEX")
        index.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
        index.setenv("PIP_DEFAULT_TIMEOUT", "10000")
        making = asyncio.create_task(bench.make(wanted))
        async with asyncio.timeout(PATIENCE_S):
            connection = await asked
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
            while list(kernel.marked(bench.folder / "state")):
                await asyncio.sleep(0.01)
    connection.close()
    server.close()
    await server.wait_closed()
    assert imports(await bench.make(wanted), "thermometer") == "1.0"


async def test_a_version_that_this_machine_lacks_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    programs = await bench.make(bench.requirements("thermometer\n"), python="3.1")
    assert imports(programs, "thermometer") == "1.0"
    assert "Python 3.1" in bench.said[0]


async def test_a_version_on_path_is_taken_when_it_is_what_it_says(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launcher that leads nowhere (pyenv leaves such) is none."""
    launcher = tmp_path / "bin" / "python3.1"
    launcher.parent.mkdir()
    launcher.write_text("#!/bin/sh\nexit 127\n")
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(launcher.parent), prepend=os.pathsep)
    own = await bench.make(bench.requirements("thermometer\n"), python="3.1")
    launcher.write_text(f'#!/bin/sh\n[ "$1" = -c ] && echo 3.1 || exec {sys.executable} "$@"\n')
    another = await bench.make(bench.requirements("thermometer\n"), python="3.1")
    assert own != another


async def test_one_on_path_that_is_no_program_of_this_machine_is_passed_over(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "bin" / "python3.1"
    foreign.parent.mkdir()
    foreign.write_bytes(b"\x7fELF of another processor")
    foreign.chmod(0o755)
    monkeypatch.setenv("PATH", str(foreign.parent), prepend=os.pathsep)
    programs = await bench.make(bench.requirements("thermometer\n"), python="3.1")
    assert imports(programs, "thermometer") == "1.0"


def test_an_index_s_address_stays_out_of_the_process_list() -> None:
    arguments, variables = split_secrets(("a", "--index-url", "https://u:secret@i/", "--pre"))
    assert arguments == ["a", "--pre"]
    assert variables == {"PIP_INDEX_URL": "https://u:secret@i/"}


async def test_no_password_of_an_address_is_told(bench: Bench) -> None:
    addresses = ("pump @ http://u:secret@127.0.0.1:9/pump.whl", "--index-url", "http://u:secret@127.0.0.1:9/")
    environments = PythonEnvironments(bench.cache, bench.folder / "state")
    told: list[str] = []
    with pytest.raises(UnstartableError, match=r"pump @ http://\*\*\*\*@127\.0\.0\.1:9/pump\.whl") as error:
        await environments.programs([PipInstall((*addresses, "--retries", "0"))], "", told.append)
    assert "pump @ http://****@127.0.0.1:9/pump.whl" in told[0]
    assert "secret" not in f"{told} {error.value}"
