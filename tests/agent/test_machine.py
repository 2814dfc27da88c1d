"""The machine, from `/proc`."""

from __future__ import annotations

import os
from pathlib import Path

from edge_runtime.agent.machine import look


def test_this_machine_has_something_of_everything(tmp_path: Path) -> None:
    machine = look(tmp_path)
    assert machine.uptime_s > 0
    assert 0 < machine.busy_s < machine.total_s
    assert 0 < machine.used_memory_bytes < machine.memory_bytes
    assert 0 <= machine.disk.available_bytes < machine.disk.total_bytes
    assert machine.disk.kind in {"SSD", "HDD", "Unknown"}
    assert machine.disk.name
    assert machine.disk.file_system


def test_numbers_have_their_units(tmp_path: Path) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    device = tmp_path.stat().st_dev
    (tmp_path / "uptime").write_text("12.5 99\n")
    (tmp_path / "stat").write_text(f"cpu  {ticks} 0 {ticks} {3 * ticks} {ticks} 0 0 0 {ticks} 0\ncpu0 1\n")
    (tmp_path / "meminfo").write_text("MemTotal: 10 kB\nMemAvailable: 4 kB\n")
    (tmp_path / "self").mkdir()
    mounted = f"21 1 {os.major(device)}:{os.minor(device)} / / rw shared:1 - ext4 /dev/sda1 rw\n"
    (tmp_path / "self" / "mountinfo").write_text(f"20 1 0:999 / /x rw - tmpfs tmpfs rw\n{mounted}")
    machine = look(tmp_path, tmp_path)
    assert (machine.uptime_s, machine.busy_s, machine.total_s) == (12.5, 2.0, 6.0)
    assert (machine.used_memory_bytes, machine.memory_bytes) == (6 * 1024, 10 * 1024)
    assert (machine.disk.name, machine.disk.file_system) == ("sda1", "ext4")
