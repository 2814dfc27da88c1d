"""Streams of predictions, and a filter that is fed with them at 10 a second."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from module_kit.identifiers import timestamp
from module_kit.prediction import Failure, ModelIdentity, Prediction, Score, Timings
from results_filter.policy.budget import Budget
from results_filter.policy.moment import Moment
from results_filter.policy.outlet import Delivery
from results_filter.policy.results_filter import ResultsFilter
from results_filter.settings import FilterSettings

START = 1_800_000_000.0  # 2027-01-15T08:00:00Z
MODEL = ModelIdentity(name="test", version="1", sha256="a" * 64)
QUICK = FilterSettings(minimum_duration_seconds=0, cooldown_seconds=0)
"""Smoothing 3 of 5, nothing else held back."""


def at(seconds: float) -> Moment:
    return Moment(START + seconds, seconds)


def prediction(
    sequence: int, label: str | None, *, seconds: float | None = None, **changes: Any
) -> Prediction:
    """`label` None: abstained; `!`: failed; `?`: a result of probability 0.1."""
    captured = timestamp(START + (sequence / 10 if seconds is None else seconds))
    source, boot = changes.pop("source", "cam"), changes.pop("boot", "b1")
    given: dict[str, Any] = {
        "frame_id": f"{source}.{boot}.{sequence}", "source": source, "boot": boot, "sequence": sequence,
        "captured_at": captured, "model": MODEL, "frame_sha256": "b" * 64,
        "timings_ms": Timings(queue=1, decode=2, infer=3),
    }  # fmt: skip
    if label == "!":
        given |= {"error": Failure(code="bad_image", message="truncated")}
    elif label is None:
        given |= {"top": [Score(label="cat", probability=0.4)], "abstained": True, "reason": "low_margin"}
    else:
        probability = 0.1 if label == "?" else 0.9
        given |= {"top": [Score(label=label, probability=probability)], "abstained": False}
    return Prediction(**given | changes)


class Bench:
    """A filter and everything that came out of it."""

    def __init__(self, settings: FilterSettings = QUICK, budget: Budget | None = None) -> None:
        self.budget = budget or Budget(settings.upstream_messages_per_day, settings.upstream_burst, START)
        self.filter = ResultsFilter(settings, "results_filter.f1", self.budget, at(0))
        self.deliveries: list[Delivery] = []

    def feed(self, labels: Iterable[str | None], *, begin: int = 0, **changes: Any) -> Bench:
        """One prediction per label, 0.1 s apart, with ticks between them."""
        for sequence, label in enumerate(labels, begin):
            now = at(sequence / 10)
            self.take(self.filter.tick(now))
            self.take(self.filter.observe(prediction(sequence, label, **changes), None, now))
        return self

    def take(self, deliveries: Sequence[Delivery]) -> Bench:
        self.deliveries += deliveries
        return self

    def events(self, *, local: bool = False) -> list[tuple[str, str]]:
        """(type, label) of the events that went upstream, or to the local sink."""
        return [(event["type"], event["label"]) for event in self.bodies("events", local=local)]

    def bodies(self, output: str, *, local: bool = False) -> list[dict[str, Any]]:
        return [
            json.loads(delivery.message.body)
            for delivery in self.deliveries
            if delivery.output == output and (delivery.local if local else delivery.upstream)
        ]

    def dropped(self) -> dict[str, int]:
        """By reason, so far unsummarised."""
        return dict(self.filter._till.dropped)
