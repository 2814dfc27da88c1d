"""The processes of a run, ended whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_STOP_TIMEOUT_S = 30.0


@contextmanager
def child(command: Sequence[str], **streams: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process with the repository as import root, for as long as the block lasts.

    In a process group of its own: a Ctrl-C reaches the benchmark alone, which then ends its children in order.
    """
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, process_group=0, **streams) as process:
        try:
            yield process
        finally:
            _end(process)


def read_job() -> dict[str, Any]:
    """In a child: what it is to do, one line of JSON. Ends it when none comes: its parent was interrupted."""
    line = sys.stdin.readline()
    if not line:
        sys.exit(1)
    job: dict[str, Any] = json.loads(line)
    return job


def _end(process: subprocess.Popen[Any]) -> None:
    """SIGTERM, then SIGKILL for one that does not heed it."""
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
