"""Starts the runtime as a user would, and stops it whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

ROOT = Path(__file__).resolve().parent.parent
_STOP_TIMEOUT_S = 30
_LAST_LINES = 5
_PR_SET_PDEATHSIG = 1
_PREFIX, _LOG = "edge-demo-", "runtime.log"


class RuntimeFailedError(Exception):
    """The runtime ended by itself; `code` is its exit code and the text its last words."""

    def __init__(self, code: int, output: str) -> None:
        super().__init__(output.strip() or f"the runtime ended with code {code} and said nothing")
        self.code = code


class StateFolderError(Exception):
    """The runtime's state cannot be kept there."""


class Runtime:
    """A child `python -m edge_runtime run`, in a state folder that is removed at the end.

    Args:
        manifest: template or manifest.
        variables: what is set in its environment on top of this process's.
        address: the loopback address of the device.
        state: a folder to keep; None for one that is removed. Raises StateFolderError when it cannot be used.
        arguments: more of them for `run`.
    """

    def __init__(
        self,
        manifest: Path,
        variables: dict[str, str],
        *,
        address: str,
        state: Path | None,
        arguments: Sequence[str] = (),
    ) -> None:
        remove_left_folders()
        self._keep = state is not None
        self.state = state or Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._output = _private(self.state / _LOG)
        except OSError as error:
            raise StateFolderError(f"--state: {self.state}: {error.strerror}; give another folder") from None
        self._process = subprocess.Popen(  # noqa: S603 - our own command line
            [
                sys.executable, "-m", "edge_runtime", "run", str(manifest),
                "--address", address, "--state", str(self.state), *arguments,
            ],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_stop_with_parent,  # noqa: PLW1509 - no thread has started yet
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def endpoints(self) -> dict[str, Any]:
        """Wait for `endpoints.json`. Raises RuntimeFailedError when the runtime ends instead."""
        path = self.state / "endpoints.json"
        while True:
            self.check()
            try:
                return dict(json.loads(path.read_text()))
            except (OSError, ValueError):
                await asyncio.sleep(0.02)

    def check(self) -> None:
        """Raises RuntimeFailedError when the runtime is not running any more."""
        code = self._process.poll()
        if code is not None:
            raise RuntimeFailedError(code, self.output())

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def output(self) -> str:
        """What the runtime printed."""
        return (self.state / _LOG).read_text(errors="replace")

    def last_words(self, module: str) -> str:
        """The last warnings and errors in a module's log."""
        try:
            lines = (self.state / "logs" / f"{module}.log").read_text(errors="replace").splitlines()
        except OSError as error:
            return str(error)
        grave = [line for line in lines if line.startswith(("<0>", "<1>", "<2>", "<3>", "<4>"))]
        return "\n".join((grave or lines)[-_LAST_LINES:])

    def terminate(self) -> None:
        """Ask it to stop: modules first, then the hub."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it, wait for it, and remove what it left."""
        self.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()
        if not self._keep:
            shutil.rmtree(self.state, ignore_errors=True)


def _private(path: Path) -> BinaryIO:
    """Empty, and nobody else's to read: it has the page's token. Raises OSError while a runtime writes it."""
    output = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w+b")
    try:
        # The runtime's process inherits it: the folder is in use until both have ended.
        fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(output.fileno(), 0o600)
        output.truncate(0)
    except OSError:
        output.close()
        raise
    return output


def remove_left_folders() -> None:
    """Remove the state of demos that were killed: whoever ends at once cannot tidy up."""
    for log in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOG}"):
        with contextlib.suppress(OSError):
            if log.parent.lstat().st_uid != os.getuid():
                continue
            with log.open("rb") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(log.parent)


def _stop_with_parent() -> None:
    # When the demo is killed there is nobody left to stop the runtime: the kernel does it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
