"""What the filter tells Prometheus is what its policy counted, across the ends of summaries' periods."""

from __future__ import annotations

import re

from results_filter.metering import MAXIMUM_LABELS, Metering
from results_filter.metrics import DROP_REASONS
from tests.counted import series, value
from tests.e2e.device import ROOT
from tests.results_filter.streams import QUICK, Bench, at, prediction


def dropped(reason: str) -> float:
    return value("results_filter_dropped_total", reason=reason)


def test_drops_are_counted_once_and_go_on_after_a_summary() -> None:
    metering, bench = Metering(), Bench()
    before = {
        reason: dropped(reason) for reason in ("below_threshold", "prediction_abstained", "sink_overflow")
    }
    bench.feed(["?", "?", None])
    bench.filter.drop("sink_overflow", 4)
    for _ in range(2):
        metering.update(bench.filter, bench.budget, at(1))
    bench.take(bench.filter.tick(at(300)))
    assert bench.bodies("summaries")[0]["dropped"]["below_threshold"] == 2
    bench.feed(["?"], begin=3001)
    metering.update(bench.filter, bench.budget, at(301))
    counted = {reason: dropped(reason) - earlier for reason, earlier in before.items()}
    assert counted == {"below_threshold": 3, "prediction_abstained": 1, "sink_overflow": 4}


def test_duplicates_and_missing_frames() -> None:
    metering, bench = Metering(), Bench()
    before = value("results_filter_duplicates_total")
    bench.feed(["cat"]).feed(["cat"]).feed(["cat"], begin=7)
    bench.filter.tick(at(300))  # a summary begins its gaps anew
    metering.update(bench.filter, bench.budget, at(300))
    assert value("results_filter_duplicates_total") - before == 1
    assert value("results_filter_frames_missing") == 6
    bench.feed(["cat"], begin=5)  # it came late
    metering.update(bench.filter, bench.budget, at(301))
    assert value("results_filter_frames_missing") == 5


def test_the_budget() -> None:
    bench = Bench(QUICK.model_copy(update={"upstream_messages_per_day": 864, "upstream_burst": 100}))
    assert bench.budget.spend(60, at(0).wall)
    Metering().update(bench.filter, bench.budget, at(1000))
    assert value("results_filter_budget_limit") == 864
    assert value("results_filter_budget_used") == 60
    assert value("results_filter_budget_available") == 50  # 864 a day are 10 in 1,000 s


def test_events_by_type_and_label_within_a_bound() -> None:
    metering = Metering()
    bench = Bench().feed(["wren"] * 5 + ["lark"] * 5)
    for delivery in bench.deliveries:
        if delivery.output == "events":
            metering.event(delivery.message)
    assert value("results_filter_events_total", type="start", label="wren") == 1
    assert value("results_filter_events_total", type="end", label="wren") == 1
    start = next(delivery.message for delivery in bench.deliveries if delivery.output == "events")
    for number in range(MAXIMUM_LABELS + 10):
        start.properties["label"] = f"finch-{number}"
        metering.event(start)
    told = [labels for labels in series("results_filter_events_total") if "finch-" in str(labels)]
    assert len(told) == MAXIMUM_LABELS - 2
    assert value("results_filter_events_total", type="start", label="(others)") == 12


def test_a_metering_begins_where_its_policy_is() -> None:
    bench = Bench()
    bench.take(bench.filter.observe(prediction(0, "?"), None, at(0)))
    before = dropped("below_threshold")
    Metering().update(bench.filter, bench.budget, at(1))
    assert dropped("below_threshold") == before + 1


def test_every_reason_that_the_readme_names_is_there_from_the_start() -> None:
    readme = (ROOT / "modules" / "results_filter" / "README.md").read_text()
    (told,) = re.findall(r"Reasons in a summary's `dropped`: (.+?)\.\n", readme, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == set(DROP_REASONS)
    assert {dict(labels)["reason"] for labels in series("results_filter_dropped_total")} >= set(DROP_REASONS)
