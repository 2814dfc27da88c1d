"""Which messages become alerts, and what a rule may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from module_kit.event import Event
from targets.functions.alerts import Rule, RuleError, sort


def event(**changes: Any) -> dict[str, Any]:
    """One `event/1` as results_filter sends it."""
    document: dict[str, Any] = {
        "schema": "event/1",
        "eventId": "camera.b1.7.e.cat",
        "type": "start",
        "update": 0,
        "label": "cat",
        "source": "camera",
        "boot": "b1",
        "startedAt": "2026-11-22T10:00:00.000Z",
        "at": "2026-11-22T10:00:00.500Z",
        "durationMs": 500,
        "frames": 5,
        "meanProbability": 0.8,
        "peakProbability": 0.9,
        "prediction": {
            "schema": "prediction/1",
            "frameId": "camera.b1.7",
            "source": "camera",
            "boot": "b1",
            "sequence": 7,
            "capturedAt": "2026-11-22T10:00:00.500Z",
            "model": {"name": "fast", "version": "1.0.0", "sha256": "0" * 64},
            "top": [{"label": "cat", "probability": 0.9}],
            "abstained": False,
            "timingsMs": {"queue": 1, "decode": 1, "infer": 1},
            "frameSha256": "1" * 64,
        },
    }
    return document | changes


def body(**changes: Any) -> bytes:
    made = json.dumps(event(**changes)).encode()
    Event.model_validate_json(made)
    return made


END = {"type": "end", "update": 1, "endReason": "gone"}


def test_an_alert_says_what_people_need() -> None:
    (alert,) = sort([body()], Rule()).alerts
    assert alert == {
        "schema": "alert/1",
        "id": "camera.b1.7.e.cat.start",
        "type": "start",
        "label": "cat",
        "source": "camera",
        "startedAt": "2026-11-22T10:00:00.000Z",
        "at": "2026-11-22T10:00:00.500Z",
        "durationMs": 500,
        "meanProbability": 0.8,
        "model": "fast 1.0.0",
    }


@pytest.mark.parametrize(
    ("settings", "changes", "admitted"),
    [
        ({}, {}, True),
        ({}, END, False),
        ({"ALERT_TYPES": "start, end"}, END, True),
        ({"ALERT_LABELS": "dog, cat"}, {}, True),
        ({"ALERT_LABELS": "dog"}, {}, False),
        ({"ALERT_MINIMUM_PROBABILITY": "0.8"}, {}, True),
        ({"ALERT_MINIMUM_PROBABILITY": "0.81"}, {}, False),
        ({"ALERT_MINIMUM_PROBABILITY": "", "ALERT_LABELS": ""}, {}, True),
    ],
)
def test_the_rule_chooses(settings: dict[str, str], changes: dict[str, Any], admitted: bool) -> None:
    assert len(sort([body(**changes)], Rule.from_environment(settings)).alerts) == admitted


@pytest.mark.parametrize(
    "settings",
    [
        {"ALERT_TYPES": "begin"},
        {"ALERT_TYPES": " , "},
        {"ALERT_MINIMUM_PROBABILITY": "high"},
        {"ALERT_MINIMUM_PROBABILITY": "nan"},
        {"ALERT_MINIMUM_PROBABILITY": "1.1"},
    ],
)
def test_a_wrong_rule_is_refused_by_its_name(settings: dict[str, str]) -> None:
    with pytest.raises(RuleError, match=next(iter(settings))):
        Rule.from_environment(settings)


def test_a_batch_may_hold_anything() -> None:
    batch = [
        body(),
        body(),  # delivered twice
        body(eventId="camera.b1.9.e.dog", label="dog"),
        json.dumps({"schema": "summary/1"}).encode(),
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        json.dumps(event(frames=0)).encode(),
        json.dumps(event(secret="1234")).encode(),
    ]
    found = sort(batch, Rule())
    assert [alert["id"] for alert in found.alerts] == ["camera.b1.7.e.cat.start", "camera.b1.9.e.dog.start"]
    assert found.others == 2
    assert len(found.bad) == 4
    assert found.bad[2].startswith("frames: ")
    assert not any("1234" in problem for problem in found.bad)
