"""The restart policy (spec D.2), checked by table and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.agent.restart import (
    MAXIMUM_RESTARTS,
    RECONCILE_S,
    History,
    RestartPolicy,
    RuntimeStatus,
    Verdict,
    backoff_s,
    judge,
    judge_unhealthy,
)

NEVER, ON_FAILURE, ON_UNHEALTHY, ALWAYS = RestartPolicy
BACKOFF, FAILED, STOPPED = RuntimeStatus.BACKOFF, RuntimeStatus.FAILED, RuntimeStatus.STOPPED


@pytest.mark.parametrize(
    ("restart_count", "seconds"),
    [(0, 10), (1, 20), (2, 40), (3, 80), (4, 160), (5, 300), (6, 300), (19, 300), (10_000, 300)],
)
def test_backoff_doubles_up_to_five_minutes(restart_count: int, seconds: float) -> None:
    assert backoff_s(restart_count) == seconds


@pytest.mark.parametrize(
    ("policy", "exit_code", "restart_count", "expected"),
    [
        (NEVER, 0, 0, Verdict(STOPPED)),
        (NEVER, 1, 0, Verdict(FAILED)),
        (ON_FAILURE, 1, 0, Verdict(BACKOFF, 1010.0, restart=True)),
        (ON_FAILURE, 1, 2, Verdict(BACKOFF, 1040.0, restart=True)),
        # the planner's quirk: a clean exit is started again at the next loop, and does not count
        (ON_FAILURE, 0, 0, Verdict(STOPPED, 1000 + RECONCILE_S)),
        (ON_FAILURE, 0, 20, Verdict(STOPPED, 1000 + RECONCILE_S)),
        (ON_UNHEALTHY, 0, 0, Verdict(STOPPED, 1000 + RECONCILE_S)),
        (ON_UNHEALTHY, 137, 1, Verdict(BACKOFF, 1020.0, restart=True)),
        # `always` turns a clean exit into back-off
        (ALWAYS, 0, 0, Verdict(BACKOFF, 1010.0, restart=True)),
        (ALWAYS, 1, 19, Verdict(BACKOFF, 1300.0, restart=True)),
        (ALWAYS, 1, 20, Verdict(FAILED)),
        (ALWAYS, 0, 21, Verdict(FAILED)),
        (ON_FAILURE, 1, 20, Verdict(FAILED)),
    ],
)
def test_verdict_after_an_exit(
    policy: RestartPolicy, exit_code: int, restart_count: int, expected: Verdict
) -> None:
    history = History(restart_count, started_at=990.0, exited_at=1000.0, exit_code=exit_code)
    assert judge(policy, history, now=1000.0) == expected


@pytest.mark.parametrize("policy", RestartPolicy)
def test_a_module_never_started_starts_at_once(policy: RestartPolicy) -> None:
    assert judge(policy, History(), now=7.0).start_at == 7.0


def test_a_clock_that_ran_backwards_restarts_at_once() -> None:
    history = History(5, started_at=990.0, exited_at=1000.0, exit_code=1)
    assert judge(ALWAYS, history, now=400.0) == Verdict(BACKOFF, 400.0, restart=True)


def test_twenty_restarts_take_about_eighty_minutes_and_then_it_has_failed() -> None:
    now, history = 0.0, History().started(0.0, restart=False)
    waits = []
    while (verdict := judge(ALWAYS, history := history.exited(now, 1), now)).start_at is not None:
        waits.append(verdict.start_at - now)
        now = verdict.start_at
        history = history.started(now, restart=verdict.restart)
    assert waits == [10, 20, 40, 80, 160, *[300] * 15]
    assert verdict.status is FAILED


@pytest.mark.parametrize(("ran_s", "left"), [(599.9, 7), (600.0, 0), (6000.0, 0)])
def test_ten_healthy_minutes_clear_the_counter(ran_s: float, left: int) -> None:
    history = History(7, started_at=100.0)
    assert history.healed(100.0 + ran_s).restart_count == left


def test_time_since_an_exit_is_not_healthy_time() -> None:
    history = History(7, started_at=100.0, exited_at=101.0, exit_code=1)
    assert history.healed(5000.0).restart_count == 7


@given(
    policy=st.sampled_from(RestartPolicy),
    exit_code=st.integers(0, 255),
    count=st.integers(0, 40),
    exited_at=st.floats(0, 1e6),
    later=st.floats(0, 1e4),
)
def test_no_verdict_waits_longer_than_five_minutes(
    policy: RestartPolicy, exit_code: int, count: int, exited_at: float, later: float
) -> None:
    history = History(count, started_at=0.0, exited_at=exited_at, exit_code=exit_code)
    verdict = judge(policy, history, exited_at + later)
    if verdict.start_at is not None:
        assert verdict.start_at - exited_at <= 300.001
        assert not verdict.restart or count < MAXIMUM_RESTARTS
    if policy is NEVER:
        assert verdict.start_at is None


@pytest.mark.parametrize("policy", ["on-failure", "on-unhealthy", "always"])
def test_an_unhealthy_module_is_treated_as_one_that_failed(policy: str) -> None:
    never_ended = History(started_at=0.0)
    assert judge_unhealthy(RestartPolicy(policy), never_ended, 90.0) == Verdict(
        RuntimeStatus.BACKOFF, start_at=90.0, restart=True
    )
    ended_once = History(restart_count=1, started_at=100.0, exited_at=100.0)
    assert judge_unhealthy(RestartPolicy(policy), ended_once, 110.0).start_at == 120.0
    assert judge_unhealthy(RestartPolicy(policy), ended_once, 50.0).start_at == 50.0, (
        "the clock ran backwards"
    )
    for_good = History(restart_count=MAXIMUM_RESTARTS, started_at=0.0)
    assert judge_unhealthy(RestartPolicy(policy), for_good, 90.0) == Verdict(RuntimeStatus.FAILED)


def test_never_leaves_an_unhealthy_module_as_it_is() -> None:
    assert judge_unhealthy(RestartPolicy.NEVER, History(started_at=0.0), 90.0) == Verdict(
        RuntimeStatus.UNHEALTHY
    )
