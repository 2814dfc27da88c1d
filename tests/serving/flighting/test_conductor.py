from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from serving.flighting.conductor import RETRY_S, Conductor
from serving.flighting.plan import FlightPlan, PlanError
from serving.flighting.state import Decided, FoundBundle, Report, StateFolder
from serving.flighting.tally import Tally
from tests.serving.flighting.documents import document, found

BOUNDS = {"errorRate": 0.1, "minimumCount": 20, "windowSeconds": 60}


class Desk:
    """A conductor with a plan file, a clock to turn, and bundles that can be made missing."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.missing: set[str] = set()
        self.checked = 0
        self.file = folder / "flight.json"
        self.state = StateFolder(folder)
        self.conductor = self.another()

    def another(self) -> Conductor:
        return Conductor(self.file, self.state, check=self._check, clock=lambda: self.now)

    def write(self, *percents: float, **more: Any) -> None:
        self.file.write_text(json.dumps(document(*percents, **more)))

    def step(self, seconds: float = 1.0) -> Decided:
        self.now += seconds
        decided = self.conductor.step()
        assert self.state.decided() == decided
        return decided

    def report(self, worker: str, revision: int = 1, **tallies: Tally) -> None:
        self.state.report(Report(worker=worker, pid=1, revision=revision, tallies=tallies))

    def _check(self, plan: FlightPlan) -> Mapping[str, FoundBundle]:
        self.checked += 1
        gone = [variant.bundle for variant in plan.variants if variant.bundle in self.missing]
        if gone:
            raise PlanError("flight plan", [f"{name} is missing" for name in gone])
        return found(plan)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_first_plan_that_is_wrong_is_no_start(desk: Desk) -> None:
    desk.write(90)
    with pytest.raises(PlanError, match="sum to 90"):
        desk.conductor.start()
    desk.write(100)
    desk.missing = {"bundle0"}
    with pytest.raises(PlanError, match="bundle0 is missing"):
        desk.conductor.start()


def test_a_new_plan_is_a_new_revision_and_the_same_one_is_not(desk: Desk) -> None:
    desk.write(90, 10)
    assert desk.conductor.start().revision == 1
    assert desk.step().revision == 1
    desk.file.write_text(json.dumps(document(90, 10), indent=8))  # written otherwise, says the same
    assert desk.step().revision == 1
    desk.write(80, 20)
    assert desk.step().revision == 2
    assert desk.step().plan.variants[1].percent == 20
    assert desk.checked == 2


def test_a_wrong_plan_leaves_the_last_good_one_and_is_told_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.write(90, 10)
    desk.conductor.start()
    desk.write(90, 20)
    for _ in range(3):
        decided = desk.step()
        assert (decided.revision, decided.plan.variants[1].percent) == (1, 10)
        assert decided.refused is not None
        assert "sum to 110" in decided.refused
    assert sum("refused" in record.message for record in caplog.records) == 1
    desk.write(90, 10)
    assert desk.step().refused is None


def test_a_file_that_is_away_for_a_moment_changes_nothing(desk: Desk) -> None:
    desk.write(90, 10)
    desk.conductor.start()
    desk.file.unlink()
    assert desk.step().revision == 1
    desk.write(90, 10)
    decided = desk.step()
    assert (decided.revision, decided.refused) == (1, None)


def test_a_plan_whose_bundle_comes_late_is_tried_again(desk: Desk) -> None:
    desk.write(100)
    desk.conductor.start()
    desk.missing = {"bundle1"}
    desk.write(90, 10)
    assert desk.step().refused == "flight plan: bundle1 is missing"
    desk.missing = set()
    assert desk.step(RETRY_S / 2).revision == 1
    assert desk.step(RETRY_S).revision == 2
    assert desk.step().refused is None


def test_a_candidate_that_fails_is_taken_back_with_the_numbers_of_all_workers(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.write(90, 10, rollback=BOUNDS)
    desk.conductor.start()
    desk.report("a", v1=Tally(answered=9, failed=1))
    assert not desk.step().rolled_back  # ten answers decide nothing
    desk.report("b", v1=Tally(answered=7, failed=3))
    verdict = desk.step().rolled_back["v1"]
    assert (verdict.cause, verdict.measured, verdict.count) == ("errorRate", 0.2, 20)
    assert desk.step().rolled_back == {"v1": verdict}  # once, though the numbers stay
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.message for record in told] == [
        "flight variant v1 is taken back: errorRate 0.2 of 20 answers, above 0.1"
    ]


def test_the_primary_is_never_taken_back(desk: Desk) -> None:
    desk.write(90, 10, rollback=BOUNDS)
    desk.conductor.start()
    desk.report("a", v0=Tally(failed=1000))
    assert not desk.step().rolled_back


def test_old_failures_pass_out_of_the_window(desk: Desk) -> None:
    desk.write(90, 10, rollback=BOUNDS)
    desk.conductor.start()
    desk.report("a", v1=Tally(answered=5, failed=10))
    assert not desk.step().rolled_back
    desk.step(61)
    desk.report("a", v1=Tally(answered=25, failed=10))
    assert not desk.step().rolled_back


def test_it_stays_back_until_the_plan_says_something_else(desk: Desk) -> None:
    desk.write(90, 10, rollback=BOUNDS)
    desk.conductor.start()
    desk.report("a", v1=Tally(failed=20))
    assert desk.step().rolled_back
    desk.write(90, 10, 0, rollback=BOUNDS)
    assert desk.step().revision == 2
    assert not desk.step().rolled_back
    assert not desk.step().rolled_back  # what was counted under the old plan does not count under the new one


def test_a_refused_plan_does_not_bring_a_candidate_back(desk: Desk) -> None:
    desk.write(90, 10, rollback=BOUNDS)
    desk.conductor.start()
    desk.report("a", v1=Tally(failed=20))
    desk.step()
    desk.write(90)
    assert desk.step().rolled_back.keys() == {"v1"}


def test_without_rollback_nothing_is_taken_back(desk: Desk) -> None:
    desk.write(90, 10, rollback=None)
    desk.conductor.start()
    desk.report("a", v1=Tally(failed=1000))
    assert not desk.step().rolled_back


def test_another_conductor_goes_on_with_what_was_decided(desk: Desk) -> None:
    desk.write(90, 5, 5, rollback=BOUNDS)
    desk.conductor.start()
    desk.report("a", v1=Tally(failed=20))
    desk.step()
    desk.report("a", v1=Tally(failed=20), v2=Tally(answered=50))
    desk.conductor = desk.another()
    assert desk.conductor.take_over().rolled_back.keys() == {"v1"}
    assert desk.step().rolled_back.keys() == {"v1"}
    desk.report("a", v1=Tally(failed=20), v2=Tally(answered=50, failed=20))
    assert desk.step().rolled_back.keys() == {"v1", "v2"}


def test_a_conductor_that_was_not_started_says_so(desk: Desk) -> None:
    with pytest.raises(RuntimeError, match="start"):
        desk.conductor.step()
