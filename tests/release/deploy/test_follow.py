"""When a deployment counts as good, failed or late: on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

from release.deploy.follow import Ending, Followed, Follower, Pace, Verdicts
from release.deploy.outcome import HubUnreachableError
from release.deploy.verdict import DeviceVerdict, Health, Verdict

PACE = Pace(timeout_s=100.0, settle_s=10.0, patience_s=20.0, poll_s=1.0)


class Shown:
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def show(self, verdicts: Verdicts, elapsed_s: float, note: str) -> None:
        self.notes.append(note)


def follow(states: Iterator[Health | Exception], pace: Pace = PACE) -> tuple[Followed, Shown]:
    """One look a second; the module's health at each."""
    now = [0.0]
    shown = Shown()

    def look() -> Verdicts:
        state = next(states)
        if isinstance(state, Exception):
            raise state
        return {"edge": DeviceVerdict((Verdict("camera", state, f"is {state.name}"),))}

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return Follower(pace, shown, lambda: now[0], sleep).follow(look), shown


def states(*runs: tuple[Health | Exception, int]) -> Iterator[Health | Exception]:
    for state, seconds in runs:
        yield from [state] * seconds


def test_good_is_what_stays_good() -> None:
    followed, shown = follow(states((Health.WAITING, 5), (Health.GOOD, 50)))
    assert (followed.ending, followed.elapsed_s) == (Ending.GOOD, 15.0)
    assert "watching for another 10 s" in shown.notes[5]


def test_a_break_starts_the_watch_anew() -> None:
    followed, _ = follow(states((Health.GOOD, 9), (Health.WAITING, 1), (Health.GOOD, 50)))
    assert (followed.ending, followed.elapsed_s) == (Ending.GOOD, 20.0)


def test_a_definite_failure_ends_it_at_once() -> None:
    followed, _ = follow(states((Health.GOOD, 3), (Health.FAILED, 1)))
    assert (followed.ending, followed.elapsed_s) == (Ending.FAILED, 3.0)
    assert followed.reasons == ("camera: is FAILED",)


def test_trouble_may_pass() -> None:
    followed, _ = follow(
        states((Health.TROUBLE, 19), (Health.WAITING, 1), (Health.TROUBLE, 19), (Health.GOOD, 50))
    )
    assert followed.ending is Ending.GOOD


def test_trouble_that_stays_is_a_failure() -> None:
    followed, _ = follow(states((Health.TROUBLE, 50)))
    assert (followed.ending, followed.elapsed_s) == (Ending.FAILED, 20.0)


def test_what_never_comes_is_late() -> None:
    followed, _ = follow(states((Health.WAITING, 200)))
    assert (followed.ending, followed.elapsed_s) == (Ending.LATE, 100.0)
    assert followed.reasons == ("camera: is WAITING",)


def test_good_that_has_not_lasted_is_late_too() -> None:
    followed, _ = follow(states((Health.WAITING, 95), (Health.GOOD, 200)))
    assert followed.ending is Ending.LATE


def test_a_hub_that_does_not_answer_for_a_while_changes_nothing() -> None:
    away = HubUnreachableError("hub.example does not answer")
    followed, shown = follow(states((Health.WAITING, 2), (away, 30), (Health.GOOD, 50)))
    assert followed.ending is Ending.GOOD
    assert "hub.example does not answer" in shown.notes
    late, _ = follow(states((away, 200)))
    assert late.ending is Ending.LATE
    assert late.reasons == ("hub.example does not answer",)
