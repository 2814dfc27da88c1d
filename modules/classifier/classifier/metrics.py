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
SWITCHES = Counter(
    "classifier_model_switches", "Attempts to change the model, by outcome: done, refused.", ["outcome"]
)
PREDICTIONS = Counter(
    "classifier_predictions",
    "Results by their best label and outcome: classified, abstained. Labels beyond 200 become (others).",
    ["label", "outcome"],
)
CONFIDENCE = Histogram(
    "classifier_confidence",
    "Probability of the best label, by outcome: classified, abstained.",
    ["outcome"],
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1),
)
JUDGED = Counter(
    "classifier_judged",
    "Results of frames whose truth is known, by verdict: right, wrong, abstained. Pairs beyond 1000 become (others).",
    ["truth", "predicted", "verdict"],
)
VERDICTS = Counter(
    "classifier_verdicts", "Results of frames whose truth is known: right, wrong, abstained.", ["verdict"]
)
CAPTURE_SECONDS = Histogram(
    "classifier_capture_to_answer_seconds",
    "From the capture to the answer, of frames with a result; two clocks where the camera is another machine.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)

# A rule sees no increase in a series that begins with what it counts: these exist from the start.
for _outcome in ("classified", "abstained", "error", "dropped"):
    FRAMES.labels(_outcome)
for _verdict in ("right", "wrong", "abstained"):
    VERDICTS.labels(_verdict)
for _outcome in ("done", "refused"):
    SWITCHES.labels(_outcome)
