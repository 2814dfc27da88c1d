from __future__ import annotations

from typing import Any

import pytest

from demo.ledger import EventSeen, PredictionSeen
from demo.wording import event_line, module_state, prediction_line, route_line


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
    seen: dict[str, Any] = {
        "at": 0.0, "frame_id": "f.1", "label": "frog", "probability": 0.9, "truth": None, "error": None,
        "latency_ms": 12.2,
    }  # fmt: skip
    assert prediction_line(PredictionSeen(**{**seen, **fields})) == line


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
