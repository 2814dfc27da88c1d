from __future__ import annotations

import json
from typing import Any

import pytest

from demo.ledger import Ledger, PredictionSeen, percentiles, unix
from demo.report import build_report

MODEL = {"name": "first", "version": "1.0.0", "sha256": "ab" * 32}
OTHER = {"name": "second", "version": "2.0.0", "sha256": "cd" * 32}


def at(seconds: float) -> str:
    return f"2026-01-01T00:00:{seconds:09.6f}Z"


def frame(n: int, *, stored: float, captured: float = 0.0, boot: str = "b") -> dict[str, Any]:
    app = {"source": "s", "boot": boot, "sequence": str(n), "capturedAt": at(captured), "label": "frog"}
    return {
        "type": "stored", "at": at(stored), "module": "camera", "output": "frames",
        "endpoints": ["classifier/frames"], "sys": {"messageId": f"s.{boot}.{n}"}, "app": app,
    }  # fmt: skip


def prediction(
    n: int,
    *,
    stored: float,
    label: str = "frog",
    error: str | None = None,
    model: dict[str, str] = MODEL,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "frameId": f"s.b.{n}", "source": "s", "boot": "b", "sequence": n, "capturedAt": at(0), "truth": "frog",
        "model": model, "timingsMs": {"queue": 1.0, "decode": 0.1, "infer": 0.4},
    }  # fmt: skip
    if error:
        body["error"] = {"code": "bad_image", "message": error}
    else:
        body["top"] = [{"label": label, "probability": 0.9}]
    return {
        "type": "stored", "at": at(stored), "module": "classifier", "output": "predictions",
        "endpoints": ["results_filter/predictions"], "sys": {"messageId": f"s.b.{n}.p.{model['sha256'][:8]}"},
        "app": {}, "body": json.dumps(body),
    }  # fmt: skip


def taken(*documents: dict[str, Any]) -> Ledger:
    ledger = Ledger()
    for document in documents:
        ledger.take(document)
    return ledger


def test_a_frame_without_a_prediction_is_lost() -> None:
    ledger = taken(frame(0, stored=1), frame(1, stored=2), prediction(0, stored=3))
    assert (len(ledger.frames), ledger.predictions, ledger.lost) == (2, 1, 1)


def test_an_error_prediction_is_an_error_and_not_a_loss_and_not_right() -> None:
    ledger = taken(frame(0, stored=1), prediction(0, stored=2, error="truncated"))
    assert (ledger.lost, ledger.prediction_errors, ledger.accuracy) == (0, 1, 0.0)


@pytest.mark.parametrize("model", [MODEL, OTHER])
def test_a_frame_answered_twice_is_a_duplicate_and_counts_once(model: dict[str, str]) -> None:
    ledger = taken(frame(0, stored=1), prediction(0, stored=2), prediction(0, stored=3, model=model))
    assert (ledger.duplicates, ledger.predictions) == (1, 1)


@pytest.mark.parametrize(
    ("order", "out_of_order"),
    [
        ([0, 1, 2, 3], 0),
        ([0, 2, 1, 3], 1),  # one swap is one message too late
        ([3, 0, 1, 2], 3),
        ([0, 2, 3], 0),  # a gap is a loss, not a swap
    ],
)
def test_out_of_order(order: list[int], out_of_order: int) -> None:
    frames = [frame(n, stored=n) for n in range(4)]
    predictions = [prediction(n, stored=4 + place) for place, n in enumerate(order)]
    assert taken(*frames, *predictions).out_of_order == out_of_order


def test_a_new_boot_of_the_camera_starts_a_new_order() -> None:
    assert taken(frame(5, stored=1, boot="x"), frame(0, stored=2, boot="y")).out_of_order == 0


def test_accuracy_is_top_1_against_the_truth() -> None:
    ledger = taken(*(prediction(n, stored=n, label="frog" if n < 3 else "cat") for n in range(4)))
    assert ledger.accuracy == 0.75


def test_each_model_is_counted_and_judged_for_itself_and_its_first_answer_tells_of_the_switch() -> None:
    answers = [(MODEL, "frog"), (MODEL, "cat"), (OTHER, "frog"), (MODEL, "frog")]
    ledger = Ledger()
    seen = [ledger.take(prediction(n, stored=n, label=x, model=m)) for n, (m, x) in enumerate(answers)]
    report = build_report(ledger, rss_mb={}, started=0.0, incomplete=None)
    assert report["accuracy"] == 0.75
    assert report["models"] == [
        {**MODEL, "predictions": 3, "accuracy": 0.6667},
        {**OTHER, "predictions": 1, "accuracy": 1.0},
    ]
    switches = [
        (one.number, one.former.name) for one in seen if isinstance(one, PredictionSeen) and one.former
    ]
    assert switches == [(3, "first"), (4, "second")]


def test_latency_runs_from_capture_to_the_storing_of_the_prediction() -> None:
    ledger = taken(prediction(0, stored=0.025), prediction(1, stored=0.5))
    assert ledger.capture_to_prediction == pytest.approx([25.0, 500.0], abs=0.01)
    assert ledger.fps == pytest.approx(1 / 0.475)


def test_events_count_when_the_upstream_has_them() -> None:
    body = {"label": "frog", "type": "start", "prediction": {"capturedAt": at(1)}}
    stored = {
        "type": "stored", "at": at(1.5), "module": "results_filter", "output": "events", "endpoints": ["iothub"],
        "sys": {"messageId": "e"}, "app": {}, "body": json.dumps(body),
    }  # fmt: skip
    ledger = taken(stored)
    assert ledger.events_upstream == 0
    assert ledger.capture_to_upstream == pytest.approx([500.0], abs=0.01)
    delivered = {"type": "delivered", "at": at(2), "endpoint": "iothub", "module": "results_filter"}
    ledger.take({**delivered, "output": "events"})
    ledger.take({**delivered, "output": "summaries"})
    assert (ledger.events_upstream, ledger.summaries_upstream) == (1, 1)


def test_what_the_observer_missed_and_what_was_dropped_is_said() -> None:
    ledger = taken({"type": "gap", "missed": 7}, {"type": "dropped", "reason": "ttl_expiry"})
    assert ledger.missed == 7
    report = build_report(ledger, rss_mb={}, started=0.0, incomplete="because")
    assert report["dropped"] == {"ttl_expiry": 1}
    assert report["incomplete"] == "because"


def test_the_report_has_every_field_of_its_contract() -> None:
    ledger = taken(frame(0, stored=1), prediction(0, stored=2))
    started = unix(at(0)) + 0.766
    report = build_report(ledger, rss_mb={"camera": 1.0}, started=started, incomplete=None)
    assert list(report) == [
        "frames_sent", "predictions", "prediction_errors", "events_upstream", "summaries_upstream", "lost",
        "duplicates", "out_of_order", "accuracy", "models", "fps", "latency_ms", "stages_ms", "rss_mb",
        "startup_s", "first_event_s", "dropped",
    ]  # fmt: skip
    assert set(report["latency_ms"]) == {"capture_to_prediction", "capture_to_upstream"}
    assert set(report["stages_ms"]) == {"capture_to_hub", "queue", "decode", "infer"}
    assert report["startup_s"] == 1.23


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {"p50": None, "p95": None, "p99": None}),
        ([5.0], {"p50": 5.0, "p95": 5.0, "p99": 5.0}),
        (list(map(float, range(100))), {"p50": 50.0, "p95": 95.0, "p99": 99.0}),
    ],
)
def test_percentiles(values: list[float], expected: dict[str, float | None]) -> None:
    assert percentiles(values) == expected


def test_unix_reads_both_spellings_of_utc() -> None:
    assert unix("2026-01-01T00:00:00.5Z") == unix("2026-01-01T00:00:00.500000+00:00")
