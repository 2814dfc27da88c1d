"""One module as the agent sees it: what was desired of it, what became of it, what to report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edge_runtime.agent.engine import Instance, Lifetime
from edge_runtime.agent.plan import Observed
from edge_runtime.agent.restart import (
    History,
    RestartPolicy,
    RuntimeStatus,
    Verdict,
    backoff_s,
    judge,
    judge_unhealthy,
)
from edge_runtime.manifest import ModuleSpec

NOT_STARTED_EXIT_CODE = 127
"""What a shell, and Docker, say of a command that cannot be started."""
NEVER = "0001-01-01T00:00:00"


@dataclass(frozen=True, slots=True)
class ModuleState:
    """What is reported of a module. Times are ISO 8601 in UTC; `NEVER` when it has not happened."""

    name: str
    status: RuntimeStatus
    description: str
    exit_code: int = 0
    restart_count: int = 0
    started_at: str = NEVER
    exited_at: str = NEVER
    restarted_at: str = NEVER


@dataclass(slots=True)
class Managed:
    """A module that the agent has created. `failure`: it cannot be created as its spec says.

    `start`: the engine is at work on it, which may take long where an image must be pulled. `replacing`: it is ended
    because it is unhealthy, to be started again.
    """

    spec: ModuleSpec
    now: Callable[[], float]
    history: History = field(default_factory=History)
    instance: Instance | None = None
    start: asyncio.Task[None] | None = None
    stopping: bool = False
    replacing: bool = False
    failure: str | None = None
    start_error: str | None = None
    stop_error: str | None = None
    exit_code: int = 0
    exit_remark: str | None = None
    started_at: str = NEVER
    exited_at: str = NEVER
    restarted_at: str = NEVER
    awaiting_start: list[asyncio.Future[str | None]] = field(default_factory=list)

    def observed(self) -> Observed:
        """The planner's view."""
        if self.unhealthy is None:
            self.history = self.history.healed(self.now())
        return Observed(
            self.spec,
            self.history,
            starting=self.start is not None,
            stopping=self.stopping,
            failure=self.failure,
            unhealthy=self.unhealthy is not None,
        )

    @property
    def unhealthy(self) -> str | None:
        """Why its health check calls it so."""
        return self.instance.unhealthy if self.instance is not None else None

    @property
    def well(self) -> bool:
        """Whether it runs, and nothing calls it unhealthy."""
        return self.instance is not None and self.unhealthy is None

    def has_started(self, instance: Instance, *, restart: bool) -> None:
        self.instance = instance
        self.start_error = self.stop_error = None
        self.history = self.history.started(self.now(), restart=restart)
        self.started_at = utc_text(instance.lifetime.started_at)
        if restart or self.replacing:
            self.restarted_at = self.started_at
        self.replacing = False
        self.start_decided(None)

    def did_not_start(self, reason: str, *, restart: bool) -> None:
        """Counts as an exit at once, so that it is tried again by the module's policy."""
        self.start_error = reason
        self.exit_code = NOT_STARTED_EXIT_CODE
        now = self.now()
        self.history = self.history.started(now, restart=restart).exited(now, self.exit_code)
        self.start_decided(reason)

    def cannot_start(self, reason: str) -> None:
        """It is not tried again."""
        self.failure = reason
        self.exit_code = NOT_STARTED_EXIT_CODE
        self.start_decided(reason)

    def did_not_stop(self, reason: str) -> None:
        """It is tried again at the next round, for as long as it runs and is not to."""
        self.stopping = False
        self.stop_error = reason

    def next_start(self) -> asyncio.Future[str | None]:
        """Done when the module has started the next time: with None, or with the reason why it has not."""
        started: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.awaiting_start.append(started)
        return started

    def start_decided(self, problem: str | None) -> None:
        """Tell those who wait for the next start."""
        for waiting in self.awaiting_start:
            if not waiting.done():
                waiting.set_result(problem)
        self.awaiting_start.clear()

    def forget_exit(self) -> None:
        """A module that does not run starts at the next round, whatever its policy."""
        if self.instance is None:
            self.history = History(restart_count=self.history.restart_count)

    def has_exited(self, code: int) -> None:
        """An exit that the agent asked for counts as a restart only when the module was unhealthy."""
        lifetime = self.instance.lifetime if self.instance is not None else Lifetime()
        self.instance = self.stop_error = None
        self.exit_code = code
        self.exited_at = utc_text(lifetime.exited_at)
        self.exit_remark = lifetime.remark
        if self.stopping:
            self.stopping = False
            exited_at = self.now() if self.replacing else None
            self.history = History(self.history.restart_count + self.replacing, exited_at=exited_at)
        else:
            self.history = self.history.exited(self.now(), code)

    def state(self) -> ModuleState:
        """What to report now."""
        status, description = self._status()
        return ModuleState(
            name=self.spec.name,
            status=status,
            description=description,
            exit_code=self.exit_code,
            restart_count=self.history.restart_count,
            started_at=self.started_at,
            exited_at=self.exited_at,
            restarted_at=self.restarted_at,
        )

    def _status(self) -> tuple[RuntimeStatus, str]:
        if self.failure is not None:
            return RuntimeStatus.FAILED, self.failure
        policy = RestartPolicy(self.spec.restart_policy)
        if self.instance is not None:
            if self.unhealthy is None:
                return RuntimeStatus.RUNNING, self.stop_error or self.instance.label
            return self._explained(judge_unhealthy(policy, self.history, self.now()), self.unhealthy)
        if self.start is not None:
            return RuntimeStatus.UNKNOWN, "starting"
        if self.history.exit_code is None:
            return RuntimeStatus.STOPPED, "stopped" if self.exited_at != NEVER else "not started"
        verdict = judge(policy, self.history, self.now())
        return self._explained(verdict, self.start_error or self._ended())

    def _ended(self) -> str:
        code = f"exit code {self.exit_code}"
        return f"{code}: {self.exit_remark}" if self.exit_remark else code

    def _explained(self, verdict: Verdict, reason: str) -> tuple[RuntimeStatus, str]:
        if verdict.status is not RuntimeStatus.BACKOFF:
            return verdict.status, reason
        count = self.history.restart_count
        return verdict.status, f"{reason}; restart {count + 1} after {backoff_s(count):.0f} s"


def utc_now() -> str:
    """ISO 8601, UTC, milliseconds."""
    return utc_text(None)


def utc_text(moment: datetime | None) -> str:
    """As `utc_now`, of this moment; of now for None."""
    return (moment or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
