"""Time as the policy is given it."""

from __future__ import annotations

import time
from typing import NamedTuple


class Moment(NamedTuple):
    """Seconds. `wall` since the epoch, for days and time stamps; `steady` never jumps, for intervals."""

    wall: float
    steady: float


def now() -> Moment:
    return Moment(time.time(), time.monotonic())
