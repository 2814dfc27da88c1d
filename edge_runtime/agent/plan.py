"""What to do next so that what runs becomes what is desired (spec D.2). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from edge_runtime.agent.restart import History, RestartPolicy, Verdict, judge, judge_unhealthy
from edge_runtime.manifest import ModuleSpec


class Command(Enum):
    """In the order in which one round executes them."""

    STOP = "stop"
    REMOVE = "remove"
    CREATE = "create"
    START = "start"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Action:
    """One command for one module."""

    command: Command
    name: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of one module. `failure`: it cannot be created as `spec` says."""

    spec: ModuleSpec
    history: History
    starting: bool = False
    stopping: bool = False
    failure: str | None = None
    unhealthy: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions of this round, and when the next one is due by the clock (None: at the next change)."""

    actions: tuple[Action, ...]
    next_at: float | None


def plan(desired: Mapping[str, ModuleSpec], observed: Mapping[str, Observed], now: float) -> Plan:
    """Compare. A module that is on its way to stop is left alone until it has, as is one on its way to start."""
    actions: list[Action] = []
    due: list[float] = []
    for name, current in observed.items():
        if name not in desired and not current.stopping:
            present = current.history.running or current.starting
            actions.append(Action(Command.STOP if present else Command.REMOVE, name))
    for name, spec in sorted(desired.items(), key=lambda item: (item[1].startup_order, item[0])):
        for command, at in _commands(spec, observed.get(name), now):
            if at <= now:
                actions.append(Action(command, name))
            else:
                due.append(at)
    order = list(Command)
    actions.sort(key=lambda action: min(order.index(action.command), order.index(Command.CREATE)))
    return Plan(tuple(actions), min(due, default=None))


def _commands(spec: ModuleSpec, current: Observed | None, now: float) -> Iterator[tuple[Command, float]]:
    wanted = spec.status == "running"
    if current is not None and current.stopping:
        return
    changed = current is None or replace(current.spec, status=spec.status) != spec
    if current is not None and (current.history.running or current.starting):
        if changed or not wanted:
            yield Command.STOP, now
        elif current.unhealthy:
            yield from _starts(judge_unhealthy(RestartPolicy(spec.restart_policy), current.history, now))
    elif changed or current is None:
        yield Command.CREATE, now
        if wanted:
            yield Command.START, now
    elif wanted and current.failure is None:
        yield from _starts(judge(RestartPolicy(spec.restart_policy), current.history, now))


def _starts(verdict: Verdict) -> Iterator[tuple[Command, float]]:
    if verdict.start_at is not None:
        yield (Command.RESTART if verdict.restart else Command.START), verdict.start_at
