"""Runs a module's health check, and says what Docker would say of the module."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.agent.child import Child
from edge_runtime.agent.restart import Clock
from edge_runtime.lasting import keep_running
from edge_runtime.manifest.healthcheck import Healthcheck

_TOLD_BYTES = 200
Spawn = Callable[[Path], Child]
"""Start the check's command, its output to a file. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one check ended. `said`: the beginning of what it wrote, or why there is nothing."""

    healthy: bool
    said: str = ""


class Health:
    """Docker's judgement over check after check (spec D.2). Pure: time is an argument."""

    def __init__(self, check: Healthcheck, now: float) -> None:
        self._check = check
        self._began = now
        self._starting = True
        self._failures = 0
        self.unhealthy: str | None = None

    def next_in_s(self, now: float) -> float:
        """How long after the end of one check the next one begins."""
        return self._check.start_interval_s if self._in_start_period(now) else self._check.interval_s

    def take(self, outcome: Outcome, now: float) -> None:
        """A check has ended."""
        if outcome.healthy:
            self._starting, self._failures, self.unhealthy = False, 0, None
            return
        if self._in_start_period(now):
            return
        self._failures += 1
        # What it said first stays: each other text would be another state to report.
        if self._failures >= self._check.retries and self.unhealthy is None:
            self._starting = False
            times = f"{self._failures} times" if self._failures > 1 else "once"
            self.unhealthy = f"unhealthy: its health check failed {times}" + (
                f", the last time: {outcome.said}" if outcome.said else ""
            )

    def _in_start_period(self, now: float) -> bool:
        return self._starting and now - self._began < self._check.start_period_s


class HealthMonitor:
    """Checks until it is stopped; one check at a time, so that slow ones do not pile up."""

    def __init__(
        self,
        check: Healthcheck,
        spawn: Spawn,
        *,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._check = check
        self._spawn = spawn
        self._clock = clock
        self._sleep = sleep
        self._health = Health(check, clock())
        self._task = keep_running("A module's health check", self._run)

    @property
    def unhealthy(self) -> str | None:
        """Why the module is unhealthy; None while it is not."""
        return self._health.unhealthy

    async def stop(self) -> None:
        """Returns when no check runs any more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._sleep(self._health.next_in_s(self._clock()))
            outcome = await self._one()
            self._health.take(outcome, self._clock())

    async def _one(self) -> Outcome:
        output = os.memfd_create("health check")
        try:
            child = self._spawn(Path(f"/proc/self/fd/{output}"))
        except (OSError, ValueError) as error:  # the latter: a NUL in its command
            os.close(output)
            return Outcome(healthy=False, said=str(error))
        try:
            async with asyncio.timeout(self._check.timeout_s):
                code = await child.wait()
            return Outcome(healthy=code == 0, said=_beginning(output) or f"exit code {code}")
        except TimeoutError:
            return Outcome(healthy=False, said=f"no end within {self._check.timeout_s:g} s")
        finally:
            child.kill()
            await child.wait()
            os.close(output)


def _beginning(output: int) -> str:
    return " ".join(os.pread(output, _TOLD_BYTES, 0).decode("utf-8", "replace").split())
