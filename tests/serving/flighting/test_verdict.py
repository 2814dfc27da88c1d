from __future__ import annotations

import pytest

from serving.flighting.plan import Rollback
from serving.flighting.tally import Tally
from serving.flighting.verdict import judge

ALL = Rollback(error_rate=0.1, disagreement=0.2, score_distance=0.3, minimum_count=10)


@pytest.mark.parametrize(
    ("window", "cause"),
    [
        (Tally(), None),
        (Tally(answered=90, failed=10), None),  # on the bound is not above it
        (Tally(answered=89, failed=11), "errorRate"),
        (Tally(failed=9), None),  # too few to decide
        (Tally(failed=10), "errorRate"),
        (Tally(answered=100, compared=10, disagreed=2), None),
        (Tally(answered=100, compared=10, disagreed=3), "disagreement"),
        (Tally(answered=100, compared=9, disagreed=9), None),
        (Tally(answered=100, compared=10, distance=3.0), None),
        (Tally(answered=100, compared=10, distance=3.1), "scoreDistance"),
    ],
)
def test_a_candidate_is_judged_by_its_window(window: Tally, cause: str | None) -> None:
    verdict = judge(ALL, window)
    assert (verdict.cause if verdict else None) == cause


def test_a_bound_that_is_not_given_is_not_watched() -> None:
    errors_alone = Rollback(error_rate=0.1, minimum_count=10)
    assert judge(errors_alone, Tally(answered=10, compared=10, disagreed=10, distance=10)) is None


def test_a_verdict_says_what_was_measured() -> None:
    assert str(judge(ALL, Tally(answered=30, failed=10))) == "errorRate 0.25 of 40 answers, above 0.1"


def test_a_candidate_that_ended_two_workers_is_taken_back_whatever_it_answered() -> None:
    assert judge(ALL, Tally(answered=1000), crashes=1) is None
    verdict = judge(ALL, Tally(answered=1000), crashes=2)
    assert verdict is not None
    assert (verdict.cause, verdict.count) == ("crashes", 2)
