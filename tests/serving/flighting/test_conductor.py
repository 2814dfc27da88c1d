from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from serving.flighting.conductor import LONGEST_RETRY_S, RETRY_S, Bundles, Conductor, in_a_thread
from serving.flighting.plan import FlightPlan, PlanError
from serving.flighting.state import Decided, FoundBundle, Report, StateFolder
from serving.flighting.tally import Tally
from tests.patience import PATIENCE_S
from tests.serving.flighting.documents import document, found

BOUNDS = {"errorRate": 0.1, "minimumCount": 20, "windowSeconds": 60}


class Desk:
    """A conductor with a plan file, a clock to turn, and bundles that can be made missing."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.missing: set[str] = set()
        self.hangs = False
        self.checked = 0
        self.file = folder / "flight.json"
        self.state = StateFolder(folder)
        self.conductor = self.another()

    def another(self) -> Conductor:
        return Conductor(self.file, self.state, check=self._check, begin=self._begin, clock=lambda: self.now)

    def write(self, *percents: float, **more: Any) -> None:
        self.file.write_text(json.dumps(document(*percents, **more)))

    def step(self, seconds: float = 1.0) -> Decided:
        self.now += seconds
        decided = self.conductor.step()
        assert self.state.decided() == decided
        return decided

    def report(self, worker: str, revision: int = 1, **tallies: Tally) -> None:
        self.state.report(Report(worker=worker, pid=1, revision=revision, tallies=tallies))

    def _begin(self, proof: Callable[[], Bundles]) -> Future[Bundles]:
        """Over at once, if nothing `hangs`."""
        future: Future[Bundles] = Future()
        if self.hangs:
            return future
        try:
            future.set_result(proof())
        except PlanError as error:
            future.set_exception(error)
        return future

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


def test_a_plan_that_is_never_proven_is_tried_again_ever_more_seldom(desk: Desk) -> None:
    desk.write(100)
    desk.conductor.start()
    desk.missing = {"bundle1"}
    desk.write(90, 10)
    tried = []
    for _ in range(3600):
        before = desk.checked
        desk.step(1)
        if desk.checked > before:
            tried.append(desk.now)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses[:6] == [RETRY_S, 2 * RETRY_S, 4 * RETRY_S, 8 * RETRY_S, 16 * RETRY_S, LONGEST_RETRY_S]
    assert set(pauses[5:]) == {LONGEST_RETRY_S}
    desk.write(80, 20)
    before = desk.checked
    desk.step(1)
    assert desk.checked == before + 1  # another plan is no retry


def test_while_a_bundle_hangs_a_candidate_is_taken_back(desk: Desk) -> None:
    desk.write(90, 10, rollback=BOUNDS)
    desk.conductor.start()
    desk.hangs = True
    desk.write(80, 20, rollback=BOUNDS)
    assert desk.step().revision == 1
    desk.report("a", v1=Tally(failed=20))
    assert desk.step().rolled_back.keys() == {"v1"}


def test_what_was_proven_for_a_plan_is_not_taken_for_another(desk: Desk) -> None:
    desk.write(90, 10)
    desk.conductor.start()
    pending: list[tuple[Future[Bundles], Bundles]] = []

    def begin(proof: Callable[[], Bundles]) -> Future[Bundles]:
        pending.append((Future(), proof()))
        return pending[-1][0]

    desk.conductor._begin = begin
    desk.write(80, 20)
    desk.step()
    desk.write(70, 20, 10)
    desk.step()
    assert len(pending) == 1  # one at a time
    pending[0][0].set_result(pending[0][1])
    assert desk.step().revision == 1
    desk.step()
    pending[1][0].set_result(pending[1][1])
    decided = desk.step()
    assert (decided.revision, sorted(decided.bundles)) == (2, ["v0", "v1", "v2"])


def test_a_proof_runs_beside_whoever_begins_it() -> None:
    go_on = threading.Event()

    def proof() -> Bundles:
        assert go_on.wait(PATIENCE_S)
        raise PlanError("plan", ["wrong"])

    begun = in_a_thread(proof)
    assert not begun.done()
    go_on.set()
    with pytest.raises(PlanError, match="wrong"):
        begun.result(PATIENCE_S)


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
