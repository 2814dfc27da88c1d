"""What the classifier tells Prometheus of its answers."""

from __future__ import annotations

from typing import Any

import pytest

from classifier.counting import MAXIMUM_LABELS, MAXIMUM_PAIRS, Counting
from module_kit.identifiers import seconds_of
from module_kit.prediction import Failure, ModelIdentity, Prediction, Score, Timings
from tests.counted import series, value

CAPTURED = "2026-01-02T03:04:05.678Z"
MODEL = ModelIdentity(name="tiny", version="1.0.0", sha256="a" * 64)


def prediction(label: str, probability: float = 0.9, **changes: Any) -> Prediction:
    given: dict[str, Any] = {
        "frame_id": "cam.b1.1", "source": "cam", "boot": "b1", "sequence": 1, "captured_at": CAPTURED,
        "model": MODEL, "timings_ms": Timings(queue=100, decode=2, infer=3), "frame_sha256": "b" * 64,
        "top": [Score(label=label, probability=probability)], "abstained": False,
    }  # fmt: skip
    return Prediction(**given | changes)


def abstention(label: str, **changes: Any) -> Prediction:
    return prediction(label, 0.3, abstained=True, reason="low_margin", **changes)


@pytest.fixture
def counting() -> Counting:
    return Counting(clock=lambda: seconds_of(CAPTURED) + 0.25)


def test_a_result_counts_by_label_outcome_confidence_and_age(counting: Counting) -> None:
    def counted() -> list[float]:
        return [
            value("classifier_predictions_total", label="heron", outcome="classified"),
            value("classifier_frames_total", outcome="classified"),
            value("classifier_confidence_bucket", outcome="classified", le="0.8"),
            value("classifier_confidence_bucket", outcome="classified", le="0.9"),
            value("classifier_capture_to_answer_seconds_bucket", le="0.1"),
            value("classifier_capture_to_answer_seconds_bucket", le="0.25"),
            value("classifier_stage_seconds_sum", stage="queue"),
        ]

    before = counted()
    counting.answered(prediction("heron"), "classified")
    assert [round(now - then, 6) for now, then in zip(counted(), before, strict=True)] == [
        *(1, 1, 0, 1, 0, 1),
        0.1,
    ]


def test_an_abstention_counts_apart(counting: Counting) -> None:
    classified = value("classifier_confidence_count", outcome="classified")
    counting.answered(abstention("ibis"), "abstained")
    assert value("classifier_predictions_total", label="ibis", outcome="abstained") == 1
    assert value("classifier_predictions_total", label="ibis", outcome="classified") == 0
    assert value("classifier_confidence_count", outcome="classified") == classified


def test_an_error_is_no_result(counting: Counting) -> None:
    results, seconds = (
        series("classifier_predictions_total"),
        value("classifier_capture_to_answer_seconds_count"),
    )
    failures = value("classifier_errors_total", code="torn")
    failed = prediction("x", top=None, abstained=None, truth="x", error=Failure(code="torn", message="torn"))
    counting.answered(failed, "error")
    assert value("classifier_errors_total", code="torn") == failures + 1
    assert series("classifier_predictions_total") == results
    assert value("classifier_capture_to_answer_seconds_count") == seconds
    assert not [labels for labels in series("classifier_judged_total") if ("truth", "x") in labels]


@pytest.mark.parametrize(
    ("result", "predicted", "verdict"),
    [
        (prediction("crane", truth="crane"), "crane", "right"),
        (prediction("stork", truth="crane"), "stork", "wrong"),
        (abstention("crane", truth="crane"), "(abstained)", "abstained"),
    ],
)
def test_truth_that_travels_is_compared(
    counting: Counting, result: Prediction, predicted: str, verdict: str
) -> None:
    labels = {"truth": "crane", "predicted": predicted, "verdict": verdict}
    before = value("classifier_judged_total", **labels)
    verdicts = value("classifier_verdicts_total", verdict=verdict)
    counting.answered(result, "abstained" if result.abstained else "classified")
    assert value("classifier_judged_total", **labels) == before + 1
    assert value("classifier_verdicts_total", verdict=verdict) == verdicts + 1


def test_every_verdict_is_there_before_the_first_answer() -> None:
    """A rule sees no share of right answers where no series says that there was none."""
    told = {labels["verdict"] for labels in map(dict, series("classifier_verdicts_total"))}
    assert told == {"right", "wrong", "abstained"}


def test_a_camera_whose_clock_runs_ahead_takes_nothing_off_the_sum() -> None:
    before = value("classifier_capture_to_answer_seconds_sum")
    Counting(clock=lambda: seconds_of(CAPTURED) - 5).answered(prediction("heron"), "classified")
    assert value("classifier_capture_to_answer_seconds_sum") == before


def test_labels_and_truths_from_outside_make_no_series_without_end(counting: Counting) -> None:
    for number in range(MAXIMUM_PAIRS + 50):
        counting.answered(prediction(f"bird-{number}", truth=f"truth-{number}"), "classified")
    told = [labels for labels in series("classifier_predictions_total") if "bird-" in str(labels)]
    assert len(told) == MAXIMUM_LABELS
    rest = MAXIMUM_PAIRS + 50 - MAXIMUM_LABELS
    assert value("classifier_predictions_total", label="(others)", outcome="classified") == rest
    pairs = [labels for labels in series("classifier_judged_total") if "truth-" in str(labels)]
    assert len(pairs) == MAXIMUM_PAIRS
    others = {"truth": "(others)", "predicted": "(others)", "verdict": "wrong"}
    assert value("classifier_judged_total", **others) == 50
