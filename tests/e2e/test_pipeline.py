"""`scripts/demo` with the repository's template, from frames to events upstream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.evaluate import evaluate
from image_classifier.labelled import read_records
from tests.data import BINARY, random_records, write_cifar10
from tests.e2e.demo import run_demo
from tests.e2e.device import edge_runtime

COUNTED = ("frames_sent", "predictions", "prediction_errors", "lost", "duplicates", "out_of_order")
PERCENTILES = {"p50", "p95", "p99"}


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(report[name] for name in COUNTED)


@pytest.mark.slow
def test_scenes_become_events_that_arrive_upstream(short: Path, loopback: str) -> None:
    done, report = run_demo(short, loopback, "--source", "sample:", "--fps", "20", "--duration", "9")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "incomplete" not in report
    frames = report["frames_sent"]
    assert frames > 0
    assert counts(report) == (frames, frames, 0, 0, 0, 0)

    shown = edge_runtime("events", "--state", str(short / "s"), "--output", "events", "--json")
    events = [json.loads(line)["body"] for line in shown.stdout.splitlines()]
    assert report["events_upstream"] == len(events)
    started = {event["label"] for event in events if event["type"] == "start"}
    ended = {event["label"] for event in events if event["type"] == "end"}
    assert ended
    assert ended <= started
    assert report["summaries_upstream"] > 0
    assert report["accuracy"] is not None


def test_the_report_has_every_field(short: Path, loopback: str) -> None:
    source = write_cifar10(short / "cifar", random_records(48))
    done, report = run_demo(short, loopback, "--source", f"cifar10:{source}", "--frames", "48")
    assert done.returncode == 0, done.stdout + done.stderr
    # Noise, and still each picture is answered once, in order.
    assert counts(report) == (48, 48, 0, 0, 0, 0)
    assert set(report) == {
        *COUNTED,
        *("events_upstream", "summaries_upstream", "accuracy", "models", "fps", "latency_ms", "stages_ms"),
        *("rss_mb", "startup_s", "first_event_s", "dropped"),
    }
    assert set(report["latency_ms"]) == {"capture_to_prediction", "capture_to_upstream"}
    assert set(report["rss_mb"]) == {"camera", "classifier", "results_filter", "edge_runtime"}
    assert set(report["stages_ms"]) == {"capture_to_hub", "queue", "decode", "infer"}
    assert all(set(stage) == PERCENTILES for stage in report["stages_ms"].values())
    assert report["dropped"] == {}
    assert report["startup_s"] > 0
    assert not (short / "s" / "endpoints.json").exists()


@pytest.mark.slow
def test_two_thousand_true_pictures(short: Path, loopback: str, cifar10: Path) -> None:
    done, report = run_demo(short, loopback, "--source", f"cifar10:{cifar10}", "--frames", "2000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts(report) == (2000, 2000, 0, 0, 0, 0)
    (model,) = report["models"]
    bundle = load_bundle(model["name"])
    assert (model["sha256"], model["predictions"]) == (bundle.sha256, 2000)
    # The camera's lossless encoding and all that follows change no pixel.
    records = read_records(cifar10 / BINARY / "test_batch.bin", bundle.labels)
    measured = evaluate(Classifier(bundle), records)
    assert report["accuracy"] == model["accuracy"] == round(measured.top1, 4)
