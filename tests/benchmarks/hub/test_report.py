"""What a run of `scripts/bench hub` makes of its figures."""

from __future__ import annotations

import pytest

from benchmarks.hub.backlog import Backlog
from benchmarks.hub.report import missed, missed_backlog
from benchmarks.hub.scenarios import HUB, REFERENCE
from tests.benchmarks.hub.figures import measured, result


def test_ratios_are_taken_within_a_round() -> None:
    nothing, silent = None, result(out=0.0)
    ours = measured("sdk", HUB, result(out=900.0), result(out=1900.0), result(), nothing, result())
    theirs = measured("sdk", REFERENCE, result(out=1000.0), result(out=2000.0), nothing, result(), silent)
    assert ours.ratios(theirs) == [0.9, 0.95]


def test_a_reference_that_failed_in_every_round_leaves_no_ratio() -> None:
    ours = measured("sdk", HUB, result(out=2000.0))
    assert missed(ours, measured("sdk", REFERENCE, None)) == []


def test_a_round_without_messages_has_no_latency() -> None:
    silent = measured("raw", "amqtt", result(latencies_ms={}), result())
    assert silent.values("p99") == [2.0]
    assert silent.values("out") == [1000.0, 1000.0]


@pytest.mark.parametrize(
    ("scenario", "figures", "expected"),
    [
        ("raw", {"in": 15_000, "out": 15_000}, []),
        ("raw", {"in": 15_000, "out": 14_999}, ["out 14999, target 15000"]),
        ("raw-500", {"latencies_ms": {"p50": 1.0, "p99": 3.0}}, []),
        ("raw-500", {"latencies_ms": {"p50": 1.0, "p99": 3.1}}, ["p99 3.1, target 3"]),
        ("sdk-16k", {"out": 1.0}, None),
    ],
)
def test_targets(scenario: str, figures: dict[str, float], expected: list[str] | None) -> None:
    assert missed(measured(scenario, HUB, result(**figures)), None) == expected


@pytest.mark.parametrize(
    ("to", "drained", "rss", "reopen_s", "expected"),
    [
        ("raw client", 20_000, 100_000_000, 1.0, []),
        ("local IoT Hub", 5000, 100_000_000, 1.0, []),
        ("local IoT Hub", 4999, 100_000_000, 1.0, ["drained 4999, target 5000"]),
        (
            "raw client", 19_999, 101_000_000, 1.01,
            ["drained 19999, target 20000", "RSS 101, target 100", "reopened 1.01, target 1"],
        ),
    ],
)  # fmt: skip
def test_targets_of_a_backlog(
    to: str, drained: float, rss: int, reopen_s: float, expected: list[str]
) -> None:
    assert missed_backlog(Backlog(to, 10, 9000.0, reopen_s, drained, rss, 0)) == expected
