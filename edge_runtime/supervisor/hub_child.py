"""The hub process: started, watched, started again at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.agent.child import Child
from edge_runtime.agent.logs import tail
from edge_runtime.agent.registry import ProcessRegistry
from edge_runtime.early_hub import EarlyHub

_log = logging.getLogger(__name__)

BAD_START_EXIT_CODE = 2
PORT_TAKEN_EXIT_CODE = 3
READY_TIMEOUT_S = 30.0
STOP_GRACE_S = 10.0
_POLL_S = 0.01
_START_ATTEMPTS = 3
_LAST_LINES = 5
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_LONGEST_PAUSE_IF_READY_S = 1.0
_SETTLED_S = 5.0
_SETTLED_IF_READY_S = 1.0
_FREE_RESTARTS = 3


class HubFailedError(Exception):
    """The hub cannot run; `exit_code` is what `run` ends with."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class HubProgram:
    """How the hub process is started."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path


class HubChild:
    """Keeps one hub process running.

    A hub that ends is started again at once; one that keeps ending within seconds, after pauses that
    double: up to 30 s when it does not even become ready, up to 1 s when it does, since modules wait for
    it. Before it was ready for the first time it gets three attempts. The first start is that of `early`, where
    there is one.
    """

    def __init__(
        self,
        program: HubProgram,
        registry: ProcessRegistry,
        *,
        early: EarlyHub | None = None,
        on_ready: Callable[[dict[str, Any]], Awaitable[None]],
        on_exit: Callable[[int], None],
    ) -> None:
        self._program = program
        self._early = early
        self._registry = registry
        self._on_ready = on_ready
        self._on_exit = on_exit
        self._child: Child | None = None
        self._offset = 0

    def start(self) -> None:
        """Start the process, so that it comes up while the caller does other things."""
        log = self._program.log
        self._offset = log.stat().st_size if log.exists() else 0
        environment, folder = self._program.environment, self._program.folder
        early, self._early = self._early, None
        if early is not None and early.begin(environment, folder, log):
            self._child = Child(early.process)
        else:
            self._child = Child.spawn(self._program.command, environment=environment, folder=folder, log=log)
        self._registry.record_hub(self._child.identity)

    async def run(self) -> None:
        """Until cancelled, or HubFailedError: the port is taken, or the hub never comes up."""
        quick_deaths, ready, was_ready = 0, False, False
        while True:
            if self._child is None or self._child.exited:
                await asyncio.sleep(pause_s(quick_deaths, was_ready=ready))
                self.start()
            began = time.monotonic()
            code, ready_at = await self._one_life()
            ready = ready_at is not None
            was_ready = was_ready or ready
            lived_s = time.monotonic() - (began if ready_at is None else ready_at)
            quick_deaths = 0 if had_settled(lived_s, was_ready=ready) else quick_deaths + 1
            hopeless = code == BAD_START_EXIT_CODE or quick_deaths >= _START_ATTEMPTS
            if code == PORT_TAKEN_EXIT_CODE or (hopeless and not was_ready):
                raise HubFailedError(self._last_words(code), code if code == PORT_TAKEN_EXIT_CODE else 1)
            self._on_exit(code)

    async def _one_life(self) -> tuple[int, float | None]:
        """The exit code, and when the hub was ready; None when it ended before."""
        child = self._child
        if child is None:
            raise RuntimeError("start() comes first")
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                ready = await self._ready(child)
        except TimeoutError:
            _log.error("the hub was not ready within %.0f s and is ended", READY_TIMEOUT_S)
            ready = None
            child.kill()
        if ready is None:
            return await child.wait(), None
        ready_at = time.monotonic()
        await self._on_ready(ready)
        return await child.wait(), ready_at

    async def _ready(self, child: Child) -> dict[str, Any] | None:
        """What the hub says when all its listeners are up; None when it ended before."""
        while not child.exited:
            for line in tail(self._program.log, self._offset, 65536):
                word, _, rest = line.partition(" ")
                if word == "ready":
                    with contextlib.suppress(ValueError):
                        return dict(json.loads(rest or "{}"))
            await asyncio.sleep(_POLL_S)
        return None

    def _last_words(self, code: int) -> str:
        """What the hub said of its end: alone when the code has a meaning, else as the end of its log."""
        lines = tail(self._program.log, self._offset)[-_LAST_LINES:]
        if code in {BAD_START_EXIT_CODE, PORT_TAKEN_EXIT_CODE} and lines:
            return "\n".join(lines)
        return "\n  ".join([f"the hub ended with exit code {code}; {self._program.log} ends:", *lines])

    async def stop(self) -> None:
        """End the hub and wait for it."""
        if self._child is not None:
            await self._child.stop(STOP_GRACE_S)
            self._registry.record_hub(None)

    def kill(self) -> None:
        """End the hub at once."""
        if self._child is not None:
            self._child.kill()

    @property
    def early_pid(self) -> int | None:
        """The pid of the process that waits to be the first one."""
        return None if self._early is None else self._early.process.pid

    @property
    def pid(self) -> int | None:
        """The pid of the process that runs now."""
        return None if self._child is None or self._child.exited else self._child.identity.pid


def had_settled(lived_s: float, *, was_ready: bool) -> bool:
    """Whether a hub that ended had been in order: one that served clients for a second, say, and was then killed."""
    return lived_s > (_SETTLED_IF_READY_S if was_ready else _SETTLED_S)


def pause_s(quick_deaths: int, *, was_ready: bool) -> float:
    """The wait before the next start: none for the first three, so that a kill costs no time."""
    if quick_deaths <= _FREE_RESTARTS:
        return 0.0
    longest_s = _LONGEST_PAUSE_IF_READY_S if was_ready else _LONGEST_PAUSE_S
    return min(_FIRST_PAUSE_S * float(2 ** min(quick_deaths - _FREE_RESTARTS - 1, 10)), longest_s)
