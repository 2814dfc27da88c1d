"""When a candidate is to be taken back: a pure question to a window's numbers."""

from __future__ import annotations

from dataclasses import dataclass

from serving.flighting.plan import Rollback
from serving.flighting.tally import Tally


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a candidate is taken back: `cause` passed its `bound` with `measured` of `count` answers."""

    cause: str
    measured: float
    bound: float
    count: int

    def __str__(self) -> str:
        return f"{self.cause} {self.measured:.4g} of {self.count} answers, above {self.bound:g}"


def judge(rollback: Rollback, window: Tally) -> Verdict | None:
    """The first bound that is passed, or None."""
    answers = window.answered + window.failed
    measures = (
        ("errorRate", rollback.error_rate, window.failed, answers),
        ("disagreement", rollback.disagreement, window.disagreed, window.compared),
        ("scoreDistance", rollback.score_distance, window.distance, window.compared),
    )
    for cause, bound, part, count in measures:
        if bound is not None and count >= rollback.minimum_count and part / count > bound:
            return Verdict(cause, part / count, bound, count)
    return None
