"""The planner: one row a situation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_runtime.agent.plan import Action, Command, Observed, Plan, plan
from edge_runtime.agent.restart import History
from edge_runtime.manifest import ModuleSpec

STOP, REMOVE, CREATE, START, RESTART = Command
NOW = 1000.0
SPEC = ModuleSpec("camera", "camera:1")
STOPPED = replace(SPEC, status="stopped")
RUNNING = History(started_at=900.0)
CRASHED = History(started_at=900.0, exited_at=995.0, exit_code=1)


def _plan(desired: ModuleSpec | None, observed: Observed | None) -> tuple[list[Command], float | None]:
    made = plan({"camera": desired} if desired else {}, {"camera": observed} if observed else {}, NOW)
    return [action.command for action in made.actions], made.next_at


@pytest.mark.parametrize(
    ("desired", "observed", "commands", "next_at"),
    [
        (SPEC, None, [CREATE, START], None),
        (STOPPED, None, [CREATE], None),
        (SPEC, Observed(SPEC, RUNNING), [], None),
        (STOPPED, Observed(SPEC, RUNNING), [STOP], None),
        (SPEC, Observed(SPEC, RUNNING, stopping=True), [], None),
        (None, Observed(SPEC, RUNNING), [STOP], None),
        (None, Observed(SPEC, RUNNING, stopping=True), [], None),
        (None, Observed(SPEC, CRASHED), [REMOVE], None),
        (None, None, [], None),
        # only the status changed: the same instance starts again, without back-off
        (SPEC, Observed(STOPPED, History(restart_count=3)), [START], None),
        (STOPPED, Observed(SPEC, CRASHED), [], None),
        # in back-off
        (SPEC, Observed(SPEC, CRASHED), [], 1005.0),
        (SPEC, Observed(SPEC, replace(CRASHED, exited_at=990.0)), [RESTART], None),
        (
            replace(SPEC, restart_policy="never"),
            Observed(replace(SPEC, restart_policy="never"), CRASHED),
            [],
            None,
        ),
        # anything else changed: stop first, create anew when it has ended, back-off forgotten
        (replace(SPEC, image="camera:2"), Observed(SPEC, RUNNING), [STOP], None),
        (replace(SPEC, image="camera:2"), Observed(SPEC, CRASHED), [CREATE, START], None),
        (replace(SPEC, env={"A": "1"}), Observed(SPEC, CRASHED), [CREATE, START], None),
        (replace(STOPPED, startup_order=1), Observed(SPEC, CRASHED), [CREATE], None),
        # cannot be created: left alone until its spec changes
        (SPEC, Observed(SPEC, History(), failure="no source"), [], None),
        (
            replace(SPEC, image="camera:2"),
            Observed(SPEC, History(), failure="no source"),
            [CREATE, START],
            None,
        ),
    ],
)
def test_commands(
    desired: ModuleSpec | None,
    observed: Observed | None,
    commands: list[Command],
    next_at: float | None,
) -> None:
    assert _plan(desired, observed) == (commands, next_at)


def test_start_order_is_by_group_then_by_name_and_stops_come_first() -> None:
    desired = {
        name: ModuleSpec(name, "i", startup_order=order)
        for name, order in [("late", 9), ("b", 1), ("a", 1), ("first", 0)]
    }
    observed = {"gone": Observed(ModuleSpec("gone", "i"), RUNNING)}
    made = plan(desired, observed, NOW)
    assert made.actions[0] == Action(STOP, "gone")
    assert [a.name for a in made.actions if a.command is START] == ["first", "a", "b", "late"]
    for name in desired:
        created = made.actions.index(Action(CREATE, name))
        assert created < made.actions.index(Action(START, name))


def test_nothing_to_do() -> None:
    assert plan({}, {}, NOW) == Plan((), None)
