"""`scripts/demo` as a user starts it, and everything that it could leave behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.device import ROOT
from tests.patience import PATIENCE_S

DEMO = str(ROOT / "scripts" / "demo")


def run_demo(
    folder: Path, address: str, *arguments: str, **variables: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """To its end; what it printed, and its report (empty when it wrote none)."""
    report = folder / "report.json"
    done = subprocess.run(
        [DEMO, "--address", address, "--report", str(report), "--state", str(folder / "s"), *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )
    return done, json.loads(report.read_text()) if report.exists() else {}


class Terminal:
    """A demo in the foreground of a terminal of its own, with a folder for temporary files of its own."""

    def __init__(self, folder: Path, address: str, *arguments: str) -> None:
        self.temporary = folder / "t"
        self.temporary.mkdir()
        self.address = address
        self.printed = b""
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [DEMO, "--address", address, *arguments],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(self.temporary), "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(slave)
        os.set_blocking(self._master, False)

    def press_ctrl_c(self) -> None:
        """The terminal's line discipline sends SIGINT to the whole foreground process group."""
        os.write(self._master, b"\x03")

    def state(self) -> Path:
        """The state folder of its runtime."""
        while True:
            for folder in self.temporary.glob("edge-demo-*"):
                if (folder / "processes.json").exists():
                    return folder
            self.read()

    def until_printed(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while text.encode() not in self.printed:
            assert time.monotonic() < deadline, self.printed[-2000:].decode(errors="replace")
            self.read()

    def read(self) -> None:
        """Take what it printed: a terminal whose buffer is full would stop it."""
        with contextlib.suppress(BlockingIOError, OSError):
            self.printed += os.read(self._master, 65_536)
        time.sleep(0.02)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit code."""
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "the demo does not end"
            self.read()
        return self.process.returncode

    def close(self) -> None:
        """End it and whatever it has left."""
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait()
        os.close(self._master)

    def leftovers(self) -> list[str]:
        """Processes, sockets and files."""
        processes = [f"process {pid}: {_command(pid)}" for pid in self._processes()]
        files = [f"file {path}" for path in self.temporary.rglob("*")]
        return [*processes, *self.sockets(), *files]

    def sockets(self) -> list[str]:
        """Unix sockets in its folder, and listening TCP sockets of its address."""
        unix = Path("/proc/net/unix").read_text().splitlines()
        here = "".join(f"{int(part):02X}" for part in reversed(self.address.split(".")))
        tcp = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        listening = [f"socket {row[1]}" for row in tcp if row[1].startswith(here) and row[3] == "0A"]
        return listening + [f"socket {line}" for line in unix if str(self.temporary) in line]

    def _processes(self) -> Iterator[int]:
        """All that have its temporary folder in their environment; modules inherit it."""
        mark = f"TMPDIR={self.temporary}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        yield int(entry.name)


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return "?"
