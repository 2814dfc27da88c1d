"""Times as log requests write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from edge_runtime.agent.methods.moments import moment

NOW = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-10T11:59:00Z", NOW - timedelta(minutes=1)),
        ("2026-03-10T13:59:00+02:00", NOW - timedelta(minutes=1)),
        ("2026-03-10t11:59:00.250Z", NOW - timedelta(seconds=59.75)),
        ("2026-03-10", datetime(2026, 3, 10, tzinfo=UTC)),
        ("1773144000", NOW),
        (1773144000, NOW),
        ("1773144000.5", NOW + timedelta(seconds=0.5)),
        ("2d", NOW - timedelta(days=2)),
        ("1 day", NOW - timedelta(days=1)),
        ("90m", NOW - timedelta(minutes=90)),
        ("1h 20m", NOW - timedelta(minutes=80)),
        ("2 days 3 hours 2 minutes", NOW - timedelta(days=2, hours=3, minutes=2)),
        ("1h20m", NOW - timedelta(minutes=80)),
        (" 30 s ", NOW - timedelta(seconds=30)),
        ("1w", NOW - timedelta(days=7)),
        ("500ms", NOW - timedelta(seconds=0.5)),
    ],
)
def test_reads(text: str | float, expected: datetime) -> None:
    assert moment(text, NOW) == expected


def test_months_and_minutes_differ_by_case() -> None:
    assert moment("1M", NOW) < moment("1m", NOW) - timedelta(days=29)


def test_the_zone_is_kept() -> None:
    assert moment("2026-03-10T13:00:00+02:00", NOW).tzinfo == timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "5 parsecs",
        "1d x",
        "d",
        "-1d",
        "2026-13-01",
        "99999999999999",
        1e300,
        "999999999y",
        "nan",
    ],
)
def test_refuses(text: str | float) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        moment(text, NOW)
