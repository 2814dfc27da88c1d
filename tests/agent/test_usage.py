"""What processes use, from `/proc`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from edge_runtime.agent.usage import memory_bytes, session_usage

BUSY = """
import subprocess, sys, threading, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
held = bytearray(64 * 2**20)
held[::4096] = b"x" * len(held[::4096])
while time.process_time() < 0.3:
    pass
with open(sys.argv[1], "wb") as file:
    file.write(bytes(8 * 2**20)); file.flush()
    import os; os.fsync(file.fileno())
print("done", flush=True)
time.sleep(1000)
"""


def test_a_session_s_processes_are_added_up(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", BUSY, str(tmp_path / "written")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = session_usage({"camera": process.pid, "gone": 2**22 + 1})
        os.killpg(process.pid, 9)
    assert set(used) == {"camera"}
    assert used["camera"].processes == 3, "two processes, one of them with two threads"
    assert used["camera"].cpu_s >= 0.3
    assert used["camera"].memory_bytes > 64 * 2**20
    assert used["camera"].memory_limit_bytes == memory_bytes()
    assert used["camera"].network_in_bytes is None, "processes share the machine's network"


def fake(proc: Path, pid: int, session: int, **numbers: int) -> None:
    fields = [str(numbers.get(f"f{n}", 0)) for n in range(3, 53)]
    fields[0], fields[3] = "S", str(session)
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "stat").write_text(f"{pid} (a) b) {' '.join(fields)}\n")
    (proc / str(pid) / "io").write_text("rchar: 1\nread_bytes: 7\nwrite_bytes: 9\n")


def test_numbers_have_their_units(tmp_path: Path) -> None:
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    (tmp_path / "meminfo").write_text("MemTotal:       2 kB\nMemAvailable: 1 kB\n")
    fake(tmp_path, 5, 5, f14=ticks, f15=ticks, f16=ticks, f17=ticks, f20=2, f24=3)
    fake(tmp_path, 6, 5, f14=ticks, f20=1, f24=1)
    fake(tmp_path, 7, 7, f14=ticks)
    used = session_usage({"a": 5}, tmp_path)["a"]
    assert (used.cpu_s, used.processes, used.memory_bytes) == (5.0, 3, 4 * page)
    assert (used.disk_read_bytes, used.disk_written_bytes, used.memory_limit_bytes) == (14, 18, 2048)
    assert memory_bytes(tmp_path, "MemAvailable") == 1024
