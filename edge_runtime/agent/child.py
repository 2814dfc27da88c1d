"""One child process: a session of its own, output to a file, an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_runtime.agent.kernel import ProcessId, identify


class Child:
    """A running child process.

    Its output goes straight to a file opened with O_APPEND. A pipe that this process would pump is
    not an option: when this process is killed the pipe breaks, and with it the children, which are to
    go on.
    """

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = os.pidfd_open(popen.pid)
        self.identity = identify(popen.pid) or ProcessId(popen.pid, 0)
        self._loop.add_reader(self._pidfd, self._reap)

    @classmethod
    def spawn(
        cls, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> Child:
        """Start `command` in `folder`. Raises OSError when the kernel refuses."""
        with log.open("ab") as output:
            popen = subprocess.Popen(  # noqa: S603
                list(command),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(popen)

    async def wait(self) -> int:
        """The exit code; 128 + n for a process that signal n ended, as Docker reports it."""
        return await asyncio.shield(self._exit)

    @property
    def exited(self) -> bool:
        """Whether the process has ended and been reaped."""
        return self._exit.done()

    async def stop(self, grace_s: float) -> int:
        """SIGTERM, then SIGKILL to the whole group after `grace_s`; the exit code."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s):
                return await self.wait()
        except TimeoutError:
            self.kill()
        return await self.wait()

    def kill(self) -> None:
        """SIGKILL to the process and all that it started in its session's first group."""
        if not self.exited:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if not self.exited:
            signal.pidfd_send_signal(self._pidfd, number)

    def _reap(self) -> None:
        # The group first: until the leader is reaped its number cannot name anybody else's group.
        self.kill()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        code = self._popen.wait()
        self._exit.set_result(128 - code if code < 0 else code)
