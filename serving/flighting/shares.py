"""Which variant a key gets: ordered buckets, a pure function of the plan.

A key falls into one of 10,000 buckets by a stable hash, so every process of every replica that has the same plan
gives it the same answer, whatever was before. The candidates' buckets are laid out from both ends, the primary's lie
between them: the first candidate of the plan begins at the lowest, the second at the highest, the third follows the
first, and so on. What a candidate gains it takes from the primary at its inner edge, so a change moves only the
buckets that it must for up to two candidates that trade with the primary. (No rule without a memory can do so for
more; and a memory would let two replicas disagree.)
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Sequence
from itertools import accumulate

from serving.flighting.plan import STEPS_A_PERCENT, FlightPlan, Variant

BUCKETS = 100 * STEPS_A_PERCENT


def bucket_of(key: str) -> int:
    """Stable in [0, BUCKETS): the same for a text on every machine and in every version of Python."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") * BUCKETS >> 64


class Shares:
    """The buckets of a plan."""

    def __init__(self, plan: FlightPlan) -> None:
        low, high = plan.candidates[::2], plan.candidates[1::2][::-1]
        taken = sum(variant.steps for variant in plan.candidates)
        order: Sequence[tuple[str, int]] = [
            *map(_steps, low),
            (plan.primary, BUCKETS - taken),
            *map(_steps, high),
        ]
        self._names = [name for name, steps in order if steps]
        self._ends = list(accumulate(steps for _, steps in order if steps))

    def of_bucket(self, bucket: int) -> str:
        """The variant's name."""
        return self._names[bisect.bisect_right(self._ends, bucket)]

    def of_key(self, key: str) -> str:
        """The variant's name."""
        return self.of_bucket(bucket_of(key))


def _steps(variant: Variant) -> tuple[str, int]:
    return variant.name, variant.steps
