"""The report of a run: one JSON document, counted and timed from what crossed the hub."""

from __future__ import annotations

from typing import Any

from demo.ledger import Ledger, percentiles


def build_report(
    ledger: Ledger, *, rss_mb: dict[str, float], started: float, incomplete: str | None
) -> dict[str, Any]:
    """The document that `--report` writes (README, "What the report says").

    Args:
        ledger: what the observer saw.
        rss_mb: highest resident memory of each module and of the runtime, in 10^6 bytes.
        started: Unix time of the command; `startup_s` runs from it to the first stored prediction, `first_event_s`
            to the first event that the upstream has taken.
        incomplete: why the observer cannot have seen everything, None when it has.
    """
    report: dict[str, Any] = {
        "frames_sent": len(ledger.frames),
        "predictions": ledger.predictions,
        "prediction_errors": ledger.prediction_errors,
        "events_upstream": ledger.events_upstream,
        "summaries_upstream": ledger.summaries_upstream,
        "lost": ledger.lost,
        "duplicates": ledger.duplicates,
        "out_of_order": ledger.out_of_order,
        "accuracy": _rounded(ledger.accuracy),
        "models": [
            {**model._asdict(), "predictions": one.predictions, "accuracy": _rounded(one.accuracy)}
            for model, one in ledger.models.items()
        ],
        "fps": None if ledger.fps is None else round(ledger.fps, 1),
        "latency_ms": {
            "capture_to_prediction": percentiles(ledger.capture_to_prediction),
            "capture_to_upstream": percentiles(ledger.capture_to_upstream),
        },
        "stages_ms": {name: percentiles(values) for name, values in ledger.stages.items()},
        "rss_mb": rss_mb,
        "startup_s": _since(started, ledger.first_prediction),
        "first_event_s": _since(started, ledger.first_event),
        "dropped": dict(ledger.dropped),
    }
    if incomplete is not None:
        report["incomplete"] = incomplete
    return report


def _rounded(accuracy: float | None) -> float | None:
    return None if accuracy is None else round(accuracy, 4)


def _since(started: float, at: float | None) -> float | None:
    return None if at is None else round(at - started, 2)
