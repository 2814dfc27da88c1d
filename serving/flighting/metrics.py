"""What flighting counts, beside what `serving.metrics` counts for each version. docs/serving.md lists the names."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_VARIANT = ["variant", "version"]

ANSWERS = Counter(
    "serving_flight_answers", "Pictures by variant and outcome: answered, failed.", [*_VARIANT, "outcome"]
)
FAILED, FULL = "failed", "full"
RESCUED = Counter(
    "serving_flight_rescued",
    "Requests that the primary answered in a candidate's place, by reason: failed, full (no room).",
    ["variant", "reason"],
)
MIRRORED = Counter(
    "serving_flight_mirrored",
    "Mirrored pictures by outcome: agreed, disagreed, failed.",
    [*_VARIANT, "outcome"],
)
MIRROR_DROPPED = Counter(
    "serving_flight_mirror_dropped",
    "Mirrored pictures given up, by reason: queue_full, bytes_full, candidate_full, no_input (the candidate takes "
    "no such picture), plan_changed, stopped.",
    ["variant", "reason"],
)
SCORE_DISTANCE = Histogram(
    "serving_flight_score_distance",
    "Total variation distance of a mirrored answer's scores from the primary's.",
    _VARIANT,
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1),
)
SHARE = Gauge(
    "serving_flight_share_percent",
    "Share of the requests that goes to a variant now.",
    _VARIANT,
    multiprocess_mode="mostrecent",
)
REVISION = Gauge(
    "serving_flight_revision", "The plan that every worker has reached.", multiprocess_mode="livemin"
)
PLANS = Counter("serving_flight_plans", "Plans by outcome: accepted, refused, not_applied.", ["outcome"])
ROLLBACKS = Counter("serving_flight_rollbacks", "Candidates taken back by themselves.", ["variant", "cause"])
