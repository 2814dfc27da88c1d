"""When a candidate is to be taken back: a pure question to a window's numbers."""

from __future__ import annotations

from dataclasses import dataclass

from serving.flighting.plan import Rollback
from serving.flighting.tally import Tally

CRASHES = "crashes"
MOST_CRASHES = 1
"""One may be anybody's: out of memory, or ended by hand."""
CRASHES_WITHIN_S = 600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a candidate is taken back: `cause` passed its `bound` with `measured` of `count` answers."""

    cause: str
    measured: float
    bound: float
    count: int

    def __str__(self) -> str:
        if self.cause == CRASHES:
            return f"{self.count} workers ended while it was at work"
        return f"{self.cause} {self.measured:.4g} of {self.count} answers, above {self.bound:g}"


def judge(rollback: Rollback, window: Tally, crashes: int = 0) -> Verdict | None:
    """The first bound that is passed, or None.

    crashes: workers that ended within `CRASHES_WITHIN_S` while it was at work. What they counted went with them.
    """
    if crashes > MOST_CRASHES:
        return Verdict(CRASHES, crashes, MOST_CRASHES, crashes)
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
