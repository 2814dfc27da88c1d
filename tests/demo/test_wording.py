from __future__ import annotations

from typing import Any

import pytest

from demo.ledger import EventSeen, Ledger, Model, PredictionSeen
from demo.report import build_report
from demo.wording import event_line, module_state, prediction_line, route_line, summary_rows, switch_line

FIRST = Model("first", "1.0.0", "ab" * 32)


def seen(**fields: Any) -> PredictionSeen:
    given: dict[str, Any] = {
        "at": 0.0, "frame_id": "f.1", "label": "frog", "probability": 0.9, "truth": None, "error": None,
        "latency_ms": 12.2, "number": 1, "model": FIRST,
    }  # fmt: skip
    return PredictionSeen(**{**given, **fields})


@pytest.mark.parametrize(
    ("route", "line"),
    [
        (
            'FROM /messages/modules/camera/outputs/frames INTO BrokeredEndpoint("/modules/classifier/inputs/frames")',
            "camera/frames -> classifier/frames",
        ),
        (
            "FROM /messages/modules/results_filter/outputs/events INTO $upstream",
            "results_filter/events -> $upstream",
        ),
        ("FROM /messages/* WHERE a = 'b' INTO $upstream", "FROM /messages/* WHERE a = 'b' INTO $upstream"),
    ],
)
def test_routes_are_short_where_nothing_is_hidden(route: str, line: str) -> None:
    assert route_line(route) == line


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "f.1  frog 0.90  (12 ms)"),
        ({"truth": "frog"}, "f.1  frog 0.90  right  (12 ms)"),
        ({"truth": "cat"}, "f.1  frog 0.90  wrong, it is a cat  (12 ms)"),
        ({"error": "truncated", "label": None}, "f.1  not classified: truncated"),
    ],
)
def test_predictions(fields: dict[str, Any], line: str) -> None:
    assert prediction_line(seen(**fields)) == line


def test_a_switch() -> None:
    line = "first 1.0.0 -> second 2.1.0 after 41 frames"
    assert switch_line(FIRST, seen(number=42, model=Model("second", "2.1.0", "cd" * 32))) == line


@pytest.mark.parametrize(
    ("models", "rows"),
    [
        ([(40, 0.9)], ["model0 1.0.0 (abababab)"]),
        (
            [(30, 0.9), (10, None)],
            [
                "model0 1.0.0 (abababab): 30 predictions, accuracy 0.9000",
                "model1 1.0.0 (abababab): 10 predictions",
            ],
        ),
        ([], []),
    ],
)
def test_the_summary_names_each_model(models: list[tuple[int, float | None]], rows: list[str]) -> None:
    report = build_report(Ledger(), rss_mb={}, started=0.0, incomplete=None)
    report["models"] = [
        {
            "name": f"model{n}",
            "version": "1.0.0",
            "sha256": "ab" * 32,
            "predictions": count,
            "accuracy": right,
        }
        for n, (count, right) in enumerate(models)
    ]
    assert [value for name, value in summary_rows(report) if name == "model"] == rows


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"type": "start"}, "frog start, mean probability 0.80"),
        ({"type": "end", "durationMs": 4400.0}, "frog end, mean probability 0.80, after 4.4 s"),
    ],
)
def test_events(body: dict[str, Any], line: str) -> None:
    assert event_line(EventSeen(0.0, {"label": "frog", "meanProbability": 0.8, **body})) == line


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"runtimeStatus": "running", "connected": True}, "running"),
        ({"runtimeStatus": "running", "connected": False}, "running (not connected)"),
        ({"runtimeStatus": "backoff", "statusDescription": "exit code 1"}, "backoff: exit code 1"),
        ({}, "unknown"),
    ],
)
def test_module_states(state: dict[str, Any], words: str) -> None:
    assert module_state(state) == words
