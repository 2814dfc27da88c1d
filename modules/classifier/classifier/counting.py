"""Counts answers for Prometheus. The number of series stays bounded, whatever labels and truths come."""

from __future__ import annotations

import time
from collections.abc import Callable

from classifier.metrics import (
    CAPTURE_SECONDS,
    CONFIDENCE,
    ERRORS,
    FRAMES,
    JUDGED,
    PREDICTIONS,
    STAGE_SECONDS,
    VERDICTS,
)
from module_kit.identifiers import seconds_of
from module_kit.metrics import Distinct
from module_kit.prediction import Prediction
from module_kit.summary import ABSTAINED, OTHERS

MAXIMUM_LABELS = 200
MAXIMUM_PAIRS = 1000


class Counting:
    """Not for several threads.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._label = Distinct(MAXIMUM_LABELS, OTHERS)
        self._pair = Distinct(MAXIMUM_PAIRS, (OTHERS, OTHERS))
        self._queue_s = STAGE_SECONDS.labels("queue")
        self._decode_s = STAGE_SECONDS.labels("decode")
        self._infer_s = STAGE_SECONDS.labels("infer")

    def dropped(self, code: str) -> None:
        """A frame without an answer."""
        FRAMES.labels("dropped").inc()
        ERRORS.labels(code).inc()

    def answered(self, prediction: Prediction, outcome: str) -> None:
        """`outcome`: `classified`, `abstained` or `error`."""
        FRAMES.labels(outcome).inc()
        self._queue_s.observe(prediction.timings_ms.queue / 1000)
        self._decode_s.observe(prediction.timings_ms.decode / 1000)
        self._infer_s.observe(prediction.timings_ms.infer / 1000)
        if prediction.error is not None:
            ERRORS.labels(prediction.error.code).inc()
        if not prediction.top:
            return
        best = prediction.top[0]
        PREDICTIONS.labels(self._label(best.label), outcome).inc()
        CONFIDENCE.labels(outcome).observe(best.probability)
        # A clock that runs behind the camera's must not take time off the sum.
        CAPTURE_SECONDS.observe(max(0.0, self._clock() - seconds_of(prediction.captured_at)))
        if prediction.truth is not None:
            self._judge(prediction.truth, ABSTAINED if prediction.abstained else best.label)

    def _judge(self, truth: str, answer: str) -> None:
        verdict = _verdict(truth, answer)
        JUDGED.labels(*self._pair((truth, answer)), verdict).inc()
        VERDICTS.labels(verdict).inc()


def _verdict(truth: str, answer: str) -> str:
    if answer == ABSTAINED:
        return "abstained"
    return "right" if answer == truth else "wrong"
