from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from module_kit.identifiers import new_boot, new_traceparent, seconds_of, timestamp


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1767225600.0004, "2026-01-01T00:00:00.000Z"),
        (1767225599.9996, "2026-01-01T00:00:00.000Z"),  # rounds into the next second
        (1767225600.25, "2026-01-01T00:00:00.250Z"),
    ],
)
def test_timestamp(seconds: float, text: str) -> None:
    assert timestamp(seconds) == text


@given(st.floats(0, 4e9))
def test_seconds_of_is_the_inverse_to_half_a_millisecond(seconds: float) -> None:
    assert abs(seconds_of(timestamp(seconds)) - seconds) <= 0.0005001


@pytest.mark.parametrize(
    "text", ["2026-02-30T00:00:00.000Z", "2026-01-01T00:00:00.000", "2026-01-01T00:00:00+01:00", ""]
)
def test_what_is_no_moment_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        seconds_of(text)


def test_boots_and_traces_are_random_and_well_formed() -> None:
    assert len({new_boot() for _ in range(100)}) == 100
    assert re.fullmatch(r"[0-9a-f]{8}", new_boot())
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", new_traceparent())
