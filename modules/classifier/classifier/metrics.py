"""What the classifier counts for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

FRAMES = Counter(
    "classifier_frames", "Frames finished, by outcome: classified, abstained, error, dropped.", ["outcome"]
)
ERRORS = Counter("classifier_errors", "Frames without a result, by code.", ["code"])
STAGE_SECONDS = Histogram(
    "classifier_stage_seconds",
    "Time that a frame spends in each stage: queue, decode, infer.",
    ["stage"],
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5),
)
INBOX = Gauge("classifier_inbox_frames", "Frames that wait.")
MODEL = Gauge("classifier_model", "1 for the model in use.", ["name", "version", "sha256"])
SWITCHES = Counter("classifier_model_switches", "Attempts to change the model, by outcome.", ["outcome"])
