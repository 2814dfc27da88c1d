"""What the service counts. Workers are processes: the Prometheus client keeps each one's numbers in files.

Where `PROMETHEUS_MULTIPROC_DIR` is set before this module is imported (`python -m serving` does so), any worker
answers `/metrics` with the sum of all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from image_classifier.bundle import Bundle
from image_classifier.classifier import Classification, Refusal
from image_classifier.errors import BadImageError

CONTENT_TYPE = CONTENT_TYPE_LATEST

REQUESTS = Counter("serving_requests", "Requests answered.", ["interface", "status"])
REQUEST_SECONDS = Histogram(
    "serving_request_seconds",
    "From the request's head to its answer, of requests that were answered with success.",
    ["interface"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
IN_FLIGHT = Gauge("serving_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum")
CONNECTIONS = Gauge("serving_connections", "Open connections.", multiprocess_mode="livesum")
MADE_ROOM = Counter(
    "serving_connections_made_room",
    "Connections that were closed because all places were taken and others waited.",
    ["reason"],
)
ACCEPT_FAILURES = Counter("serving_accept_failures", "Connections that could not be taken.", ["error"])
CLIENTS_LEFT = Counter("serving_clients_left", "Requests whose client left before the answer.", ["interface"])
QUEUE = Gauge("serving_queue_pictures", "Pictures that wait for a batch.", multiprocess_mode="livesum")
BATCH_PICTURES = Histogram(
    "serving_batch_pictures", "Pictures in a batch.", buckets=(1, 2, 3, 4, 6, 8, 16, 32)
)
DROPPED = Counter(
    "serving_pictures_dropped",
    "Pictures that were not scored. A request that is refused unread counts as one.",
    ["reason"],
)

_MODEL = ["model", "version"]
SCORE_SECONDS = Histogram(
    "serving_score_seconds",
    "From the queue to the answers of one request.",
    _MODEL,
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
PREDICTIONS = Counter("serving_predictions", "Pictures by their best label.", [*_MODEL, "label"])
ABSTENTIONS = Counter(
    "serving_abstentions", "Pictures whose best two labels are closer than the margin.", _MODEL
)
REFUSALS = Counter("serving_refused_pictures", "Pictures without an answer.", [*_MODEL, "reason"])
CONFIDENCE = Histogram(
    "serving_confidence",
    "Probability of the best label.",
    _MODEL,
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1),
)


def count_results(bundle: Bundle, results: Sequence[Classification | Refusal], seconds: float) -> None:
    """Count what the version `bundle` answered to one request within `seconds`."""
    model = bundle.name, bundle.version
    SCORE_SECONDS.labels(*model).observe(seconds)
    confidence = CONFIDENCE.labels(*model)
    for result in results:
        if isinstance(result, Refusal):
            reason = str(result.error.reason) if isinstance(result.error, BadImageError) else "bad_output"
            REFUSALS.labels(*model, reason).inc()
            continue
        best = result.top[0]
        PREDICTIONS.labels(*model, best.label).inc()
        confidence.observe(best.probability)
        if result.abstained:
            ABSTENTIONS.labels(*model).inc()


def exposition() -> bytes:
    """The metrics of all workers in Prometheus' text format (reads a few files)."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
