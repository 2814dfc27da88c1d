from __future__ import annotations

from typing import Any

import pytest

from release.smoke.arrival import Arrival, read_arrival

BODY: dict[str, Any] = {
    "schema": "prediction/1",
    "source": "smoke-1",
    "frameSha256": "aa",
    "model": {"name": "fast", "version": "1.1.0", "sha256": "b5fd035a" + "0" * 56},
    "top": [{"label": "cat", "probability": 0.9}, {"label": "dog", "probability": 0.1}],
    "abstained": False,
}
MODEL = "fast 1.1.0 (b5fd035a)"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Arrival("smoke-1", "aa", "cat", 0.9, MODEL)),
        (
            {"abstained": True, "reason": "low_margin"},
            Arrival("smoke-1", "aa", None, None, MODEL, "abstained: low_margin"),
        ),
        (
            {"top": None, "error": {"code": "bad_image", "message": "cut short"}},
            Arrival("smoke-1", "aa", None, None, MODEL, "bad_image: cut short"),
        ),
        ({"top": []}, Arrival("smoke-1", "aa", None, None, MODEL)),
        ({"schema": "event/1"}, None),
        ({"model": None}, None),
        ({"top": "cat"}, None),
    ],
)
def test_predictions_are_read_and_nothing_else(changes: dict[str, Any], expected: Arrival | None) -> None:
    assert read_arrival({**BODY, **changes}) == expected


@pytest.mark.parametrize("body", [None, 1, "text", [], {}])
def test_other_messages_are_passed_over(body: Any) -> None:
    assert read_arrival(body) is None
