"""Real servers for the tests, as child processes: ended whatever happens."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE_S


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], address: str, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, once it listens on the port."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_for(process, address, port, log)
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], address: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection((address, port), 5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not listen: {log.read_text(errors='replace')}")
