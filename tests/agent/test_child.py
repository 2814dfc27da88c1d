"""Real processes: their exit codes, their end, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from edge_runtime.agent.child import Child
from edge_runtime.agent.kernel import MARK, ProcessId, end, identify, is_alive, leads_session, marked, send

IGNORES_TERM = "import signal,time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
HAS_CHILD = (
    "import subprocess,sys,time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(p.pid, flush=True); time.sleep(60)"
)


def spawn(code: str, folder: Path, **environment: str) -> Child:
    return Child.spawn(
        [sys.executable, "-c", code], environment=environment, folder=folder, log=folder / "out.log"
    )


async def output(folder: Path) -> str:
    while not (text := (folder / "out.log").read_text()).endswith("\n"):
        await asyncio.sleep(0.01)
    return text.strip()


@pytest.mark.parametrize(
    ("code", "expected"),
    [("pass", 0), ("import sys; sys.exit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)],
)
async def test_exit_code_is_as_docker_reports_it(tmp_path: Path, code: str, expected: int) -> None:
    assert await spawn(code, tmp_path).wait() == expected


async def test_both_streams_go_to_the_log_behind_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "out.log").write_text("before\n")
    await spawn("import sys; print('out', flush=True); print('err', file=sys.stderr)", tmp_path).wait()
    assert (tmp_path / "out.log").read_text() == "before\nout\nerr\n"


async def test_stop_lets_the_process_end_by_itself(tmp_path: Path) -> None:
    child = spawn(
        "import signal,sys,time; signal.signal(15, lambda *_: sys.exit(5)); print(1, flush=True); time.sleep(60)",
        tmp_path,
    )
    await output(tmp_path)
    assert await child.stop(60.0) == 5


async def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = spawn(IGNORES_TERM, tmp_path)
    await output(tmp_path)
    began = asyncio.get_running_loop().time()
    assert await child.stop(0.3) == 137
    assert 0.3 <= asyncio.get_running_loop().time() - began < 30, "it would sleep for 60 s"


@pytest.mark.parametrize("how", ["stop", "kill", "dies"])
async def test_what_the_process_started_ends_with_it(tmp_path: Path, how: str) -> None:
    child = spawn(HAS_CHILD, tmp_path)
    grandchild = identify(int(await output(tmp_path)))
    assert grandchild is not None
    match how:
        case "stop":
            await child.stop(60.0)
        case "kill":
            child.kill()
        case _:
            os.kill(child.identity.pid, signal.SIGKILL)
    await child.wait()
    async with asyncio.timeout(30):  # it would sleep for 60 s
        while is_alive(grandchild):
            await asyncio.sleep(0.01)
    assert not os.path.exists(f"/proc/{child.identity.pid}"), "a zombie is left"  # noqa: PTH110


async def test_a_command_that_does_not_exist_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Child.spawn(["/no/such/program"], environment={}, folder=tmp_path, log=tmp_path / "out.log")


async def test_a_pid_of_another_start_time_is_neither_ours_nor_signalled(tmp_path: Path) -> None:
    child = spawn("import time; time.sleep(60)", tmp_path)
    stranger = ProcessId(child.identity.pid, child.identity.started - 1)
    assert is_alive(child.identity)
    assert not is_alive(stranger)
    assert not send(stranger, signal.SIGKILL)
    await end([stranger], 0.1)
    assert not child.exited
    await child.stop(60.0)
    assert not send(child.identity, signal.SIGTERM)


async def test_marked_processes_are_found_with_their_descendants(tmp_path: Path) -> None:
    child = spawn(HAS_CHILD, tmp_path, **{MARK: str(tmp_path)})
    other = spawn("import time; time.sleep(60)", tmp_path, **{MARK: f"{tmp_path}-other"})
    grandchild = int(await output(tmp_path))
    found = list(marked(tmp_path))
    assert {process.pid for process in found} == {child.identity.pid, grandchild}
    assert [leads_session(process) for process in found if process.pid == child.identity.pid] == [True]
    await end(found, 60.0)
    assert list(marked(tmp_path)) == []
    await other.stop(60.0)
    await child.wait()
