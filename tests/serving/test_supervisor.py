"""The parent process by itself, over workers that only wait or fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE_S
from tests.serving.running import ROOT

SHORT_OF_PROCESSES = """
import errno, os, sys
from serving.supervisor import Supervisor

fork, refused = os.fork, []

def refuse_once():
    if len(refused) < 2:
        refused.append(1)
        raise BlockingIOError(errno.EAGAIN, "no more processes")
    return fork()

def work(parent_fd):
    print("works", flush=True)
    os.read(parent_fd, 1)

os.fork = refuse_once
sys.exit(Supervisor(work, 2, lambda pid: None, lambda: None, 1000.0).run())
"""
PARENT = """
import os, sys, time
from pathlib import Path
import serving.supervisor
from serving.supervisor import Supervisor

def work(parent_fd):
    try:
        Path(sys.argv[1]).touch(exist_ok=False)
    except FileExistsError:
        print("works", os.getpid(), flush=True)
        os.read(parent_fd, 1)
    else:
        raise RuntimeError("the first one fails")

supervisor = Supervisor(work, 2, lambda pid: None, lambda: None, 1000.0)
supervisor._short_lives = 5000  # as after hours of failing: a pause for longer than this test
serving.supervisor._LONGEST_PAUSE_S = 1000.0
sys.exit(supervisor.run())
"""


@contextmanager
def parent_of(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-c", program, *arguments]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as parent:
        try:
            yield parent
        finally:
            parent.kill()


def test_a_worker_that_ends_is_seen_while_another_is_waited_for(tmp_path: Path) -> None:
    with parent_of(PARENT, str(tmp_path / "failed")) as parent:
        told = ""
        while "works" not in told or "ended with 1 " not in told:
            told += line_of(parent)
        pid = int(told.partition("works ")[2].split()[0])
        os.kill(pid, signal.SIGKILL)
        while f"worker {pid} ended with -9 " not in told:
            assert told.count("works") == 1, told
            told += line_of(parent)
        parent.send_signal(signal.SIGTERM)  # nothing is left to wait for
        assert parent.wait(PATIENCE_S) == 0


def test_a_worker_that_cannot_be_forked_is_started_later() -> None:
    with parent_of(SHORT_OF_PROCESSES) as parent:
        told = ""
        while told.count("works") < 2:
            told += line_of(parent)
        assert told.count("cannot start a worker: no more processes") == 2
        parent.send_signal(signal.SIGTERM)  # which is not blocked any more
        assert parent.wait(PATIENCE_S) == 0


def line_of(parent: subprocess.Popen[str]) -> str:
    assert parent.stdout is not None
    line = parent.stdout.readline()
    assert line, "the parent has ended"
    return line
