from __future__ import annotations

from pathlib import Path

import pytest

from serving.flighting.state import Report, StateFolder
from serving.flighting.tally import Tally
from serving.flighting.verdict import Verdict
from tests.serving.flighting.documents import decided, plan


def test_what_was_decided_is_read_back_whole(tmp_path: Path) -> None:
    flown = plan(90, 10, mirror={"variant": "v1", "percent": 5}, rollback={"disagreement": 0.1})
    written = decided(flown, 3, rolled_back={"v1": Verdict("disagreement", 0.2, 0.1, 100)}, refused="why")
    StateFolder(tmp_path).decide(written)
    assert StateFolder(tmp_path).decided() == written


def test_before_the_first_decision_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        StateFolder(tmp_path).decided_mark()
    with pytest.raises(FileNotFoundError):
        StateFolder(tmp_path).decided()


def test_every_decision_changes_the_mark(tmp_path: Path) -> None:
    state, marks = StateFolder(tmp_path), set()
    for _ in range(20):
        state.decide(decided(plan(100)))
        marks.add(state.decided_mark())
    assert len(marks) == 20


def test_totals_are_of_all_workers_and_of_one_revision(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.report(
        Report(worker="a", pid=1, revision=2, tallies={"v0": Tally(answered=5), "v1": Tally(failed=1)})
    )
    state.report(
        Report(worker="b", pid=1, revision=2, tallies={"v0": Tally(answered=7), "v1": Tally(failed=2)})
    )
    state.report(
        Report(worker="late", pid=1, revision=1, tallies={"v0": Tally(answered=100), "gone": Tally()})
    )
    assert state.totals(decided(plan(90, 10), 2)) == {"v0": Tally(answered=12), "v1": Tally(failed=3)}


def test_a_worker_s_later_report_takes_the_place_of_its_earlier_one(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    for answered in (5, 6):
        state.report(Report(worker="a", pid=1, revision=1, tallies={"v0": Tally(answered=answered)}))
    assert state.totals(decided(plan(100)))["v0"].answered == 6
    assert [file.name for file in tmp_path.iterdir()] == ["worker-a.json"]


def test_a_report_that_is_none_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "worker-other.json").write_text('{"version": "of the future"}')
    assert list(StateFolder(tmp_path).reports()) == []
