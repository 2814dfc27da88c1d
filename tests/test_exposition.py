"""The text of metrics, as Prometheus' own parser reads it."""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_runtime.exposition import QUANTILES, Distribution, Family, quantiles, render

COMMON = {"zone": "z", "area": "a"}


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_common_labels_lead_and_keep_their_order() -> None:
    text = render([Family("jobs_total", "counter", "Jobs", [({"kind": "x"}, 3)])], COMMON)
    assert (
        text
        == '# HELP jobs_total Jobs\n# TYPE jobs_total counter\njobs_total{zone="z",area="a",kind="x"} 3\n'
    )


@pytest.mark.parametrize("value", ["", "plain", 'quote " and \\', "line\nend", "ünï ✓", "a,b={c}"])
def test_any_value_of_a_label_comes_through(value: str) -> None:
    text = render([Family("jobs_total", "counter", "Jobs", [({"kind": value}, 1)])], {})
    assert samples(text) == {"jobs_total": [({"kind": value}, 1.0)]}


@pytest.mark.parametrize("value", ["\r", "\ud800"])
def test_what_no_text_holds_is_replaced(value: str) -> None:
    text = render([Family("jobs_total", "counter", "Jobs", [({"kind": f"a{value}b"}, 1)])], {})
    ((labels, _),) = samples(text)["jobs_total"]
    assert labels["kind"] in ("a b", "a?b")
    assert text.encode()


@pytest.mark.parametrize("value", [0, 12345678901234567890, 0.1, 1e-9, 1e300, math.inf, -math.inf])
def test_any_number_comes_through(value: float) -> None:
    text = render([Family("heat", "gauge", "Heat", [({}, value)])], COMMON)
    assert samples(text)["heat"][0][1] == value


def test_a_summary() -> None:
    distribution = Distribution(4, 10.5, quantiles([1.0, 2.0, 3.0, 4.5]))
    found = samples(render([Family("wait_seconds", "summary", "Wait", [({"id": "x"}, distribution)])], {}))
    assert found["wait_seconds_sum"] == [({"id": "x"}, 10.5)]
    assert found["wait_seconds_count"] == [({"id": "x"}, 4.0)]
    values = {labels["quantile"]: value for labels, value in found["wait_seconds"]}
    assert values == {"0.1": 1.0, "0.5": 2.0, "0.9": 4.5, "0.99": 4.5}


@pytest.mark.parametrize(
    ("values", "expected"),
    [(range(1, 101), (10, 50, 90, 99)), ([7.0], (7, 7, 7, 7)), ([3, 1, 2], (1, 2, 3, 3))],
)
def test_quantiles(values: list[float], expected: tuple[float, ...]) -> None:
    assert quantiles(values) == expected


def test_quantiles_of_nothing_are_no_numbers() -> None:
    assert [math.isnan(value) for value in quantiles([])] == [True] * len(QUANTILES)
    text = render([Family("wait", "summary", "Wait", [({}, Distribution(0, 0.0, quantiles([])))])], COMMON)
    assert text.count(" NaN\n") == len(QUANTILES)


def test_a_family_without_series_is_there_by_name() -> None:
    (family,) = text_string_to_metric_families(render([Family("jobs_total", "counter", "Jobs", [])], {}))
    assert (family.name, family.type, family.samples) == ("jobs", "counter", [])
