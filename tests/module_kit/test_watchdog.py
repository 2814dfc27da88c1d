from __future__ import annotations

import pytest

from module_kit.watchdog import Watchdog


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ([("beat", 60)], None),
        ([("", 61)], "the event loop has not turned for 61 s"),
        ([("connected", 0), ("", 30), ("beat", 60)], None),
        ([("", 59), ("beat", 59), ("beat", 59), ("beat", 59), ("beat", 59), ("beat", 6)],
         "no connection to the hub for 301 s"),
        ([("connected", 0), *[("beat", 50)] * 100], None),  # a send that waits while connected is no reason
        ([("connected", 50), ("beat", 50), ("disconnected", 50), *[("beat", 50)] * 4], None),
        ([("connected", 50), ("beat", 50), ("disconnected", 51), *[("beat", 50)] * 5],
         "no connection to the hub for 301 s"),
        ([("disconnected", 50), *[("beat", 50)] * 3, ("disconnected", 50), ("beat", 51)],
         "no connection to the hub for 301 s"),  # told twice: still the first moment
    ],
)  # fmt: skip
def test_verdict(steps: list[tuple[str, float]], verdict: str | None) -> None:
    now = 0.0
    watchdog = Watchdog(clock=lambda: now)
    for step, seconds in steps:
        if step:
            getattr(watchdog, step)()
        now += seconds
    assert watchdog.verdict() == verdict
