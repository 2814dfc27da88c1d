"""A terminal's Ctrl-C reaches every process of its group; workers must leave it to the one that started them."""

from __future__ import annotations

import multiprocessing
import re
import subprocess
import sys
from pathlib import Path

from image_classifier.batch.workers import Workers
from image_classifier.bundle import load_bundle
from tests.patience import PATIENCE_S

SIGINT_BIT = 1 << 1


def blocked_in_workers() -> list[bool]:
    with Workers(load_bundle("fast"), 3):
        status = [
            Path(f"/proc/{child.pid}/status").read_text() for child in multiprocessing.active_children()
        ]
    masks = [int(re.search(r"^SigBlk:\s*([0-9a-f]+)$", text, re.MULTILINE)[1], 16) for text in status]  # type: ignore[index]
    return [bool(mask & SIGINT_BIT) for mask in masks]


def test_no_worker_sees_an_interrupt_not_even_the_first() -> None:
    """In a process of its own: the first worker of a process is started beside multiprocessing's own helper."""
    program = "from tests.image_classifier.batch.test_signals import blocked_in_workers as b; print(b())"
    code = f"if __name__ == '__main__':\n    {program}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{Path(__file__).parents[3]}:{Path(__file__).parents[3] / 'libs'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.stdout == "[True, True, True]\n", done.stderr
