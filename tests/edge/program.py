"""A module's process that a test has started."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.patience import PATIENCE_S


class Program:
    """`python COMMAND...` with its output in a file: a pipe that nobody reads would stop it when it is full."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command], env=dict(environment), stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def printed(self) -> str:
        return self._log.read_text(errors="replace")

    def memory_mb(self, key: str) -> float:
        """`VmRSS` or `VmHWM` of the process, in MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split(f"{key}:")[1].split()[0]) / 1024

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, seconds: float = PATIENCE_S, *, code: int = 0) -> str:
        """Wait until it has exited, with `code`; what it printed."""
        found = await asyncio.to_thread(self._process.wait, seconds)
        assert found == code, f"exit code {found}: {self.printed}"
        return self.printed

    async def stop(self) -> str:
        """As edgeAgent stops a module; what it printed."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    def kill(self) -> None:
        """Whatever state it is in."""
        self._process.kill()
        self._process.wait()
