from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.processes import Usage


@contextmanager
def worker(code: str) -> Iterator[tuple[Usage, Usage]]:
    """A process that ran `code`, and runs still; its usage before and after that."""
    program = f"import threading, time\nprint(flush=True); input()\n{code}\nprint(flush=True); input()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before = Usage.of(process.pid)
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        yield before, Usage.of(process.pid)
        process.kill()


SPIN = """
def spin():
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass

thread = threading.Thread(target=spin)
thread.start()
thread.join()
"""
SLEEP = """
slept = threading.Event()

def sleep():
    for _ in range(50):
        time.sleep(0.001)
    slept.set()
    time.sleep(1000)

threading.Thread(target=sleep, daemon=True).start()
slept.wait()
"""


def test_processor_time_of_threads_that_have_ended_counts() -> None:
    with worker(SPIN) as (before, after):
        assert 0.15 <= after.since(before).cpu_s <= 0.5


def test_each_sleep_of_each_thread_is_a_wakeup() -> None:
    with worker(SLEEP) as (before, after):
        assert after.since(before).wakeups >= 50


def test_memory_is_what_is_held_now_and_what_was_held_at_most() -> None:
    with worker("x = b'1' * 50_000_000; del x") as (before, after):
        assert after.since(before).peak_rss_bytes - before.peak_rss_bytes >= 40_000_000
        assert after.rss_bytes - before.rss_bytes < 40_000_000


def test_a_process_that_has_ended_is_told() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.DEVNULL)
    process.wait()
    with pytest.raises(ProcessLookupError, match=f"process {process.pid} has ended"):
        Usage.of(process.pid)
