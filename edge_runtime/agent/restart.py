"""When a module that is not running is started again (spec D.2). Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

MAXIMUM_RESTARTS = 20
FIRST_BACKOFF_S = 10.0
LONGEST_BACKOFF_S = 300.0
HEALTHY_S = 600.0
RECONCILE_S = 5.0


class RestartPolicy(StrEnum):
    """`modules.{name}.restartPolicy`."""

    NEVER = "never"
    ON_FAILURE = "on-failure"
    ON_UNHEALTHY = "on-unhealthy"
    ALWAYS = "always"


class RuntimeStatus(StrEnum):
    """`modules.{name}.runtimeStatus`, as edgeAgent reports it."""

    UNKNOWN = "unknown"
    BACKOFF = "backoff"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    STOPPED = "stopped"
    FAILED = "failed"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class History:
    """What happened to one instance of a module. Times are seconds of one monotonic clock.

    `exit_code` is that of the last exit, None while the module runs or has never been started.
    """

    restart_count: int = 0
    started_at: float | None = None
    exited_at: float | None = None
    exit_code: int | None = None

    def started(self, now: float, *, restart: bool) -> History:
        """The module runs from now on; `restart` when a back-off preceded it, which counts."""
        count = self.restart_count + 1 if restart else self.restart_count
        return History(restart_count=count, started_at=now, exited_at=self.exited_at)

    def exited(self, now: float, exit_code: int) -> History:
        """The module ended."""
        return replace(self, exited_at=now, exit_code=exit_code)

    def healed(self, now: float) -> History:
        """Forget the restarts of a module that has run for ten minutes without a break."""
        if not self.running or self.started_at is None or now - self.started_at < HEALTHY_S:
            return self
        return replace(self, restart_count=0)

    @property
    def running(self) -> bool:
        """True between a start and the exit that follows."""
        return self.started_at is not None and self.exit_code is None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to report of a module that does not run, and when to start it (None: not by itself)."""

    status: RuntimeStatus
    start_at: float | None = None
    restart: bool = False


def backoff_s(restart_count: int) -> float:
    """The wait before the restart that follows `restart_count` earlier ones, from the last exit."""
    if restart_count >= LONGEST_BACKOFF_S / FIRST_BACKOFF_S:
        return LONGEST_BACKOFF_S
    return min(FIRST_BACKOFF_S * float(2**restart_count), LONGEST_BACKOFF_S)


def judge(policy: RestartPolicy, history: History, now: float) -> Verdict:
    """Decide about a module that is desired to run and does not.

    A module that has never been started starts at once, whatever its policy. A clean exit under
    `on-failure` and `on-unhealthy` is started again at the next reconcile loop, without back-off: a
    quirk of edgeAgent's planner. A clock that ran backwards restarts at once, so that nobody waits
    for a moment that lies beyond the old clock.
    """
    if history.exited_at is None or history.exit_code is None:
        return Verdict(RuntimeStatus.UNKNOWN, start_at=now)
    resting = RuntimeStatus.STOPPED if history.exit_code == 0 else RuntimeStatus.FAILED
    if policy is RestartPolicy.NEVER:
        return Verdict(resting)
    if policy is not RestartPolicy.ALWAYS and history.exit_code == 0:
        return Verdict(resting, start_at=history.exited_at + RECONCILE_S)
    if history.restart_count >= MAXIMUM_RESTARTS:
        return Verdict(RuntimeStatus.FAILED)
    return Verdict(RuntimeStatus.BACKOFF, start_at=_due(history, now), restart=True)


def judge_unhealthy(policy: RestartPolicy, history: History, now: float) -> Verdict:
    """Decide about a module that runs, and that its health check calls unhealthy.

    As edgeAgent does: it is treated as one that has failed, and `start_at` is when it is ended and started again. The
    wait counts from the last exit, so that a module that has never ended is started again at once.
    """
    if policy is RestartPolicy.NEVER:
        return Verdict(RuntimeStatus.UNHEALTHY)
    if history.restart_count >= MAXIMUM_RESTARTS:
        return Verdict(RuntimeStatus.FAILED)
    return Verdict(RuntimeStatus.BACKOFF, start_at=_due(history, now), restart=True)


def _due(history: History, now: float) -> float:
    if history.exited_at is None or now < history.exited_at:
        return now
    return history.exited_at + backoff_s(history.restart_count)


Clock = Callable[[], float]
