from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from module_kit.message_schemas import message_schemas
from results_filter.policy.gaps import Gaps
from results_filter.policy.latency import DurationHistogram
from tests.results_filter.streams import QUICK, Bench, at


def _summary(bench: Bench, seconds: float = 300) -> dict[str, Any]:
    bench.take(bench.filter.tick(at(seconds)))
    body = bench.bodies("summaries")[-1]
    jsonschema.validate(body, message_schemas()["summary-1.json"])
    return body


def test_results_abstentions_and_failures_are_counted_apart() -> None:
    summary = _summary(Bench().feed(["cat", "cat", "dog", "?", None, "!"]))
    assert summary["predictions"] == 6
    assert summary["labels"] == {"cat": 2, "dog": 1, "?": 1}
    assert summary["abstained"] == {"low_margin": 1}
    assert summary["errors"] == {"bad_image": 1}
    assert summary["confidence"] == [0, 1, 0, 0, 0, 0, 0, 0, 0, 3]
    assert summary["dropped"] == {"below_threshold": 1, "prediction_abstained": 1, "prediction_error": 1}
    assert "accuracy" not in summary
    assert summary["latenciesMs"]["infer"]["p95"] == pytest.approx(3, rel=0.06)


def test_each_period_begins_anew_and_ids_count_on() -> None:
    bench = Bench().feed(["cat"] * 5)
    first, second = _summary(bench, 300), _summary(bench, 600)
    assert (first["predictions"], second["predictions"]) == (5, 0)
    assert first["until"] == second["since"] == "2027-01-15T08:05:00.000Z"
    assert first["events"] == {"start": 1, "end": 1}
    assert second["sources"] == []
    ids = [delivery.message.message_id for delivery in bench.deliveries if delivery.output == "summaries"]
    assert ids == ["results_filter.f1.s.0", "results_filter.f1.s.1"]


def test_a_last_summary_comes_at_the_stop_unless_there_is_nothing_to_say() -> None:
    bench = Bench().feed(["cat"])
    bench.take(bench.filter.stop(at(1)))
    assert bench.bodies("summaries")[0]["predictions"] == 1
    assert Bench().filter.stop(at(1)) == []


def test_a_summary_that_cannot_be_paid_goes_on_into_the_next_period() -> None:
    bench = Bench(
        QUICK.model_copy(
            update={"upstream_burst": 20, "upstream_messages_per_day": 1000, "summary_seconds": 100}
        )
    )
    assert bench.budget.spend(20, at(0).wall)
    bench.feed(["!"] * 3)
    bench.take(bench.filter.tick(at(100)))
    assert bench.bodies("summaries") == []
    bench.feed(["!"] * 2, begin=1500)
    summary = _summary(bench, 400)
    assert (summary["predictions"], summary["since"]) == (5, "2027-01-15T08:00:00.000Z")
    assert summary["dropped"]["summary_budget"] == 1


def test_duplicates_are_dropped_and_counted() -> None:
    bench = Bench().feed(["cat", "cat"]).feed(["cat", "cat"])
    assert bench.events() == []
    summary = _summary(bench)
    assert (summary["predictions"], summary["duplicates"]) == (2, 2)


def test_an_id_is_forgotten_when_too_many_came_after_it() -> None:
    bench = Bench(QUICK.model_copy(update={"duplicates_remembered": 2})).feed([None, None, None]).feed([None])
    assert _summary(bench)["duplicates"] == 0


def test_accuracy_and_confusion_when_the_truth_travels_along() -> None:
    bench = Bench()
    for number, (label, truth) in enumerate(
        [("cat", "cat"), ("cat", "dog"), ("dog", "dog"), (None, "cat"), ("!", "cat"), ("cat", None)]
    ):
        bench.feed([label], begin=number, truth=truth)
    assert _summary(bench)["accuracy"] == {
        "n": 4, "correct": 2, "top1": 0.5,
        "confusion": {"cat": {"(abstained)": 1, "cat": 1}, "dog": {"cat": 1, "dog": 1}},
    }  # fmt: skip


def test_memory_is_bounded_whatever_the_names() -> None:
    bench = Bench()
    for number in range(3000):
        bench.feed([f"label{number}"], begin=number, truth=f"truth{number}")
    summary = _summary(bench, 301)
    assert len(summary["labels"]) == 201
    assert summary["labels"]["(others)"] == 2800
    assert sum(count for row in summary["accuracy"]["confusion"].values() for count in row.values()) == 3000
    assert len(json.dumps(summary["accuracy"])) < 60_000


def test_gaps_per_source_and_boot() -> None:
    gaps = Gaps()
    for boot, sequence in [("a", 2), ("a", 3), ("a", 6), ("a", 5), ("b", 1), ("b", 2)]:
        gaps.observe("cam", boot, sequence)
    stream = gaps.period()["cam"]
    # a: 0 and 1 before its first, 4 and 5 between; 5 came late; b: 0 before its first
    assert (stream.received, stream.missing, stream.out_of_order, stream.boots) == (6, 4, 1, 2)
    gaps.clear()
    gaps.observe("cam", "b", 5)
    stream = gaps.period()["cam"]
    assert (stream.received, stream.missing, stream.boots) == (1, 2, 0)


@given(st.sets(st.integers(0, 200), min_size=1), st.randoms())
def test_missing_is_what_is_missing_in_any_order(numbers: set[int], random: Any) -> None:
    order = sorted(numbers)
    random.shuffle(order)
    gaps = Gaps()
    for number in order:
        gaps.observe("cam", "a", number)
    stream = gaps.period()["cam"]
    assert stream.missing == max(numbers) + 1 - len(numbers)
    assert stream.received == len(numbers)


@given(st.lists(st.floats(0.02, 1e6), min_size=1, max_size=300))
def test_percentiles_are_at_most_a_bar_off(durations: list[float]) -> None:
    histogram = DurationHistogram()
    for duration in durations:
        histogram.add(duration)
    found = histogram.percentiles()
    ordered = sorted(durations)
    for share, value in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        exact = ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]
        assert exact / 1.12 <= value <= exact * 1.12
