"""Log rotation under a writer that holds the file open."""

from __future__ import annotations

import os
from pathlib import Path

from edge_runtime.agent.logs import rotate, rotate_folder, tail


def test_three_files_remain_and_the_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "camera.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for number in range(5):
            os.write(descriptor, f"part {number}\n".encode())
            rotate(log)
        os.write(descriptor, b"live\n")
    finally:
        os.close(descriptor)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "camera.log": "live\n",
        "camera.log.1": "part 4\n",
        "camera.log.2": "part 3\n",
    }


def test_only_what_outgrew_its_limit_is_rotated(tmp_path: Path) -> None:
    (tmp_path / "small.log").write_text("x" * 100)
    (tmp_path / "large.log").write_text("x" * 101)
    rotate_folder(tmp_path, maximum_bytes=100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large.log", "large.log.1", "small.log"]


def test_tail_gives_the_whole_lines_since_an_offset(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    log.write_text("old\n\nnew 1\nnew 2\n")
    assert tail(log, offset=4) == ["new 1", "new 2"]
    assert tail(log, offset=4, maximum_bytes=6) == ["new 2"]
    assert tail(tmp_path / "none.log", offset=0) == []


def test_tail_reads_a_file_that_was_cut_since(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    log.write_text("new\n")
    assert tail(log, offset=5000) == ["new"]
