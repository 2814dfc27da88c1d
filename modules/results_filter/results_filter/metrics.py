"""What the filter counts for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

PREDICTIONS = Counter("results_filter_predictions", "Predictions that arrived.")
DUPLICATES = Counter("results_filter_duplicates", "Predictions that had arrived before.")
MISSING = Gauge(
    "results_filter_frames_missing",
    "Frames lost after the camera, since the filter's start: sequence numbers that have not come, of all sources.",
)
DELIVERIES = Counter("results_filter_deliveries", "What was decided to send.", ["output", "to"])
EVENTS = Counter(
    "results_filter_events",
    "Events that went upstream, by type: start, update, end. Labels beyond 200 become (others).",
    ["type", "label"],
)
DROPPED = Counter(
    "results_filter_dropped", "What did not go upstream, or came and was not used, by reason.", ["reason"]
)
BUDGET_USED = Gauge("results_filter_budget_used", "Metered messages that went upstream today (UTC).")
BUDGET_LIMIT = Gauge("results_filter_budget_limit", "Metered messages that may go upstream in a day (UTC).")
BUDGET_AVAILABLE = Gauge("results_filter_budget_available", "Metered messages that may go upstream now.")

DROP_REASONS = (
    *("below_threshold", "label_excluded", "prediction_abstained", "prediction_error"),
    *("event_too_short", "event_cooldown", "event_budget"),
    *("update_budget", "end_budget", "summary_budget", "prediction_budget"),
    *("inbox_overflow", "invalid_message", "sink_overflow"),
)
# A rule sees no increase in a series that begins with what it counts: these exist from the start.
for _reason in DROP_REASONS:
    DROPPED.labels(_reason)
