"""Limits are judged one by one, and what was not measured is not."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.model.accuracy import Accuracy
from benchmarks.model.limits import LIMITS, missed

GOOD: dict[str, Any] = {
    "latency_ratio": 0.8,
    "file_bytes": 2_000_000,
    "macs": 50_000_000,
    "accuracy": {"jpeg": Accuracy(9000, 10000), "lossless": Accuracy(9300, 10000), "shop": Accuracy(1, 9)},
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"latency_ratio": 0.801}, ["ratio 0.801 > 0.8"]),
        ({"latency_ratio": None}, []),
        ({"macs": 50_400_000}, ["50.4 million MACs > 50"]),
        ({"file_bytes": 2_010_000}, ["2.01 MB > 2"]),
        ({"accuracy": {"jpeg": Accuracy(8999, 10000)}}, ["jpeg 0.8999 < 0.9"]),
        ({"accuracy": {}}, []),
        (
            {"latency_ratio": 1.0, "accuracy": {"lossless": Accuracy(929, 1000)}},
            ["ratio 1.000 > 0.8", "lossless 0.9290 < 0.93"],
        ),
    ],
)
def test_what_fast_has_to_keep(change: dict[str, Any], expected: list[str]) -> None:
    assert missed(LIMITS["fast"], **(GOOD | change)) == expected


def test_accurate_may_be_slower_and_larger_with_any_number_of_operations() -> None:
    accuracy = {"jpeg": Accuracy(93, 100), "lossless": Accuracy(955, 1000)}
    measured: dict[str, Any] = {"latency_ratio": 2.0, "file_bytes": 5_000_000, "macs": 10**9}
    assert missed(LIMITS["accurate"], accuracy=accuracy, **measured) == []
    assert missed(LIMITS["accurate"], accuracy={"jpeg": Accuracy(92, 100)}, **measured) == [
        "jpeg 0.9200 < 0.93"
    ]
