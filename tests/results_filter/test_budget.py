from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from module_kit.message import Outgoing
from results_filter.policy.budget import LEASE, Budget, metered
from tests.results_filter.streams import QUICK, START, Bench, at

DAY = 86400.0


@pytest.mark.parametrize(
    ("body", "properties", "block", "units"),
    [
        (0, {}, 512, 1),
        (512 - 16, {}, 512, 1),
        (512 - 15, {}, 512, 2),
        (4096 - 16, {}, 4096, 1),
        (100, {"é" * 100: "x" * 300}, 512, 2),  # bytes, not characters
    ],
)
def test_metered(body: int, properties: dict[str, str], block: int, units: int) -> None:
    message = Outgoing(b"x" * body, "id", "text/json", "utf-8", properties)
    assert len("id") + len("text/json") + len("utf-8") == 16
    assert metered(message, block) == units


def test_a_burst_then_the_days_rate() -> None:
    budget = Budget(8640, 100, START)
    assert sum(budget.spend(1, START) for _ in range(200)) == 100
    assert sum(budget.spend(1, START + 100) for _ in range(200)) == 10  # 0.1 a second
    assert budget.used == 110


@given(st.lists(st.tuples(st.floats(0, 20_000), st.integers(1, 50), st.integers(0, 20)), max_size=200))
def test_never_over_the_limit_in_a_day_nor_over_the_burst_at_once(
    steps: list[tuple[float, int, int]],
) -> None:
    budget, wall, by_day = Budget(500, 60, START), START, dict[int, int]()
    for wait_s, units, leave in steps:
        wall += wait_s
        before = budget.available(wall)
        if budget.spend(units, wall, leave):
            assert units + leave <= before <= 60
            by_day[int(wall // DAY)] = by_day.get(int(wall // DAY), 0) + units
    assert all(used <= 500 for used in by_day.values())


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(0, 60), st.booleans())
def test_a_restart_or_a_crash_grants_no_new_budget(spends: list[int], crash_at: int, clean: bool) -> None:
    budget, used, saved = Budget(1000, 600, START), 0, None
    saved = budget.report()
    for number, units in enumerate(spends):
        if number == crash_at:
            if clean:
                saved = budget.report(final=True)
                assert saved["used"] == used
            budget = Budget(1000, 600, START, saved)
            saved = budget.report()
        if budget.spend(units, START):
            used += units
        if budget.report_is_due():
            saved = budget.report()
    assert used <= budget.used <= 1000
    assert saved["used"] >= min(used, 1000)
    assert used <= 600 + 1  # nor a new burst


def test_a_report_is_due_once_a_lease() -> None:
    budget = Budget(1000, 600, START)
    reports = 0
    for _ in range(200):
        assert budget.spend(1, START)
        if budget.report_is_due():
            budget.report()
            reports += 1
    assert reports == pytest.approx(200 / LEASE, abs=1)


def test_midnight_grants_a_new_day_and_reports_it() -> None:
    budget = Budget(100, 100, START)
    assert budget.spend(100, START)
    budget.report()
    assert not budget.spend(1, START + 15 * 3600)
    assert budget.spend(1, START + 16 * 3600)  # START is 08:00
    assert budget.used == 1
    assert budget.report_is_due()
    assert budget.report()["day"] == "2027-01-16"


@pytest.mark.parametrize(
    ("saved", "used"),
    [
        (None, 0),
        ({}, 0),
        ("text", 0),
        ({"day": "2027-01-15", "used": "7"}, 0),
        ({"day": "2027-01-15", "used": -1}, 0),
        ({"day": "2027-01-15", "used": 7}, 7),
        ({"day": "2027-01-14", "used": 7}, 0),
        ({"day": "2027-01-16", "used": 7}, 7),  # the clock went back: no second day
    ],
)
def test_what_was_saved(saved: Any, used: int) -> None:
    assert Budget(100, 100, START, saved).used == used


def test_a_clock_that_goes_back_grants_nothing() -> None:
    budget = Budget(8640, 100, START)
    assert budget.spend(100, START)
    assert not budget.spend(1, START - 3600)
    assert not budget.spend(1, START - 2 * DAY)


SMALL = QUICK.model_copy(
    update={
        "upstream_burst": 20,
        "upstream_messages_per_day": 1000,
        "stale_seconds": 3600,
        "local_sink": "mqtt://h/t",
    }
)


def test_ends_are_kept_back_so_every_start_has_its_end() -> None:
    bench = Bench(SMALL)
    for number in range(12):  # twelve sources at once, money for a few
        bench.feed(["cat"] * 3, source=f"cam{number}")
    started = len(bench.events())
    assert 1 <= started < 12
    bench.take(bench.filter.stop(at(1)))
    assert bench.events().count(("end", "cat")) == started
    assert bench.events(local=True).count(("start", "cat")) == 12  # the local sink is not metered
    assert bench.events(local=True).count(("end", "cat")) == 12


def test_a_start_that_could_not_be_paid_goes_when_the_budget_allows() -> None:
    bench = Bench(SMALL)
    for number in range(6):
        bench.feed(["cat"] * 3, source=f"cam{number}")
    before = len(bench.events())
    bench.feed(["cat"] * 3, begin=20_000, source="cam5")  # 2,000 s later: 23 messages have grown
    assert len(bench.events()) == before + 1
    assert bench.bodies("events")[-1]["type"] == "start"
    assert bench.bodies("events")[-1]["startedAt"] == "2027-01-15T08:00:00.000Z"


def test_what_could_not_be_paid_is_told_in_the_next_summary() -> None:
    settings = SMALL.model_copy(update={"summary_seconds": 5000, "stale_seconds": 3600, "local_sink": ""})
    bench = Bench(settings)
    for number in range(12):
        bench.feed(["cat"] * 3 + ["dog"] * 3, source=f"cam{number}")
    bench.take(bench.filter.stop(at(1)))
    bench.take(bench.filter.tick(at(5000)))
    summaries = bench.bodies("summaries")
    sent = [kind for kind, _ in bench.events()].count("start")
    assert 0 < sent < 24
    assert sum(summary["dropped"].get("event_budget", 0) for summary in summaries) + sent == 24
    assert summaries[-1]["budget"]["limit"] == 1000


@pytest.mark.parametrize(("mode", "least", "most"), [("off", 0, 0), ("sampled", 11, 11), ("all", 60, 95)])
def test_plain_predictions_go_within_the_same_budget_and_leave_room_for_events(
    mode: str, least: int, most: int
) -> None:
    settings = QUICK.model_copy(update={
        "predictions_upstream": mode, "sample_every": 10, "upstream_burst": 200, "meter_block_bytes": 512,
    })  # fmt: skip
    bench = Bench(settings).feed([None] * 100).feed(["cat"] * 3, begin=100)
    assert least <= len(bench.bodies("predictions")) <= most
    assert bench.events() == [("start", "cat")]
    assert bench.budget.used <= 200


def test_the_default_fits_the_free_tier_with_room_for_twin_traffic() -> None:
    budget = Budget(QUICK.upstream_messages_per_day, QUICK.upstream_burst, START)
    assert budget.limit + 1000 <= 8000
    reports = QUICK.upstream_messages_per_day / LEASE + 1
    assert budget.limit + reports * 2 <= 8000


def test_nothing_goes_upstream_without_a_budget() -> None:
    bench = Bench(QUICK.model_copy(update={"upstream_messages_per_day": 0})).feed(["cat"] * 9)
    bench.take(bench.filter.stop(at(400)))
    assert bench.deliveries == []
