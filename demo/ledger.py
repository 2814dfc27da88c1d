"""What crossed the hub, counted and timed from the observer's feed. Pure.

Nothing here believes what a module says of itself: a frame counts when the hub stored (and so
acknowledged) it, a prediction when the hub stored that, an event when the upstream has taken it.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

Document = Mapping[str, Any]

FRAMES = ("camera", "frames")
PREDICTIONS = ("classifier", "predictions")
EVENTS = ("results_filter", "events")
SUMMARIES = ("results_filter", "summaries")
UPSTREAM = "iothub"


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """A stored frame; times in Unix seconds."""

    captured: float
    stored: float
    truth: str | None


class Model(NamedTuple):
    """Which model answered; `sha256` is that of its file."""

    name: str
    version: str
    sha256: str


@dataclass(slots=True)
class Judgement:
    """How often a model answered, how often the truth is known, and how often it was right then."""

    predictions: int = 0
    judged: int = 0
    correct: int = 0

    @property
    def accuracy(self) -> float | None:
        """Top-1 against the truth over all predictions whose truth is known; None when none is."""
        return self.correct / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class PredictionSeen:
    """One line for a human. `label` is None when the classifier could not say.

    `former` is the model before it when that was another one, and `number` counts predictions from 1.
    """

    at: float
    frame_id: str
    label: str | None
    probability: float
    truth: str | None
    error: str | None
    latency_ms: float
    number: int
    model: Model
    former: Model | None = None


@dataclass(frozen=True, slots=True)
class EventSeen:
    at: float
    body: Document


@dataclass(slots=True)
class Ledger:
    """Feed it every document of the observer's feed, in order.

    Latencies are in milliseconds.
    """

    frames: dict[str, FrameSeen] = field(default_factory=dict)
    unpredicted: set[str] = field(default_factory=set)
    models: dict[Model, Judgement] = field(default_factory=dict)
    predictions: int = 0
    prediction_errors: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    events_upstream: int = 0
    summaries_upstream: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    first_prediction: float | None = None
    last_prediction: float | None = None
    first_event: float | None = None
    capture_to_prediction: list[float] = field(default_factory=list)
    capture_to_upstream: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)
    latest_predictions: deque[PredictionSeen] = field(default_factory=lambda: deque(maxlen=8))
    latest_events: deque[EventSeen] = field(default_factory=lambda: deque(maxlen=8))
    _predicted: set[str] = field(default_factory=set)
    _model: Model | None = None
    _newest: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def take(self, document: Document) -> PredictionSeen | EventSeen | None:
        """Count one document; returns what a human may want to see at once."""
        kind = document["type"]
        if kind == "stored":
            return self._stored(document)
        if kind == "delivered":
            self._delivered(document)
        elif kind == "dropped":
            self.dropped[document["reason"]] += 1
        elif kind == "gap":
            self.missed += document["missed"]
        return None

    @property
    def lost(self) -> int:
        """Frames that the hub acknowledged and for which it holds no prediction."""
        return len(self.unpredicted)

    @property
    def accuracy(self) -> float | None:
        """As `Judgement.accuracy`, over all models."""
        judgements = self.models.values()
        judged = sum(one.judged for one in judgements)
        return sum(one.correct for one in judgements) / judged if judged else None

    @property
    def fps(self) -> float | None:
        """Predictions a second between the first and the last."""
        if self.first_prediction is None or self.last_prediction is None or self.predictions < 2:
            return None
        seconds = self.last_prediction - self.first_prediction
        return (self.predictions - 1) / seconds if seconds > 0 else None

    def _stored(self, document: Document) -> PredictionSeen | EventSeen | None:
        path = (document["module"], document["output"])
        if path == FRAMES:
            self._frame(document)
        elif path == PREDICTIONS:
            return self._prediction(document)
        elif path == EVENTS and UPSTREAM in document["endpoints"]:
            return self._event(document)
        return None

    def _frame(self, document: Document) -> None:
        app = document["app"]
        frame_id = document["sys"]["messageId"]
        if frame_id in self.frames:
            self.duplicates += 1
            return
        seen = FrameSeen(unix(app["capturedAt"]), unix(document["at"]), app.get("label"))
        self.frames[frame_id] = seen
        self.unpredicted.add(frame_id)
        self._order("frame", app["source"], app["boot"], int(app["sequence"]))
        self._stage("capture_to_hub", 1000 * (seen.stored - seen.captured))

    def _prediction(self, document: Document) -> PredictionSeen | None:
        body = json.loads(document["body"])
        # By the frame: its prediction's own id is another one when another model made it.
        if body["frameId"] in self._predicted:
            self.duplicates += 1
            return None
        self._predicted.add(body["frameId"])
        at = unix(document["at"])
        self.predictions += 1
        self.first_prediction = self.first_prediction or at
        self.last_prediction = at
        self.unpredicted.discard(body["frameId"])
        self._order("prediction", body["source"], body["boot"], body["sequence"])
        latency_ms = 1000 * (at - unix(body["capturedAt"]))
        self.capture_to_prediction.append(latency_ms)
        for stage, value in body["timingsMs"].items():
            self._stage(stage, value)
        return self._judge(body, at, latency_ms)

    def _judge(self, body: Document, at: float, latency_ms: float) -> PredictionSeen:
        error = body.get("error")
        top = body.get("top") or []
        truth = body.get("truth")
        label = top[0]["label"] if top else None
        if error:
            self.prediction_errors += 1
        model = Model(**body["model"])
        former, self._model = self._model, model
        judgement = self.models.setdefault(model, Judgement())
        judgement.predictions += 1
        if truth is not None:
            judgement.judged += 1
            judgement.correct += label == truth
        seen = PredictionSeen(
            at=at,
            frame_id=body["frameId"],
            label=label,
            probability=top[0]["probability"] if top else 0.0,
            truth=truth,
            error=error["message"] if error else None,
            latency_ms=latency_ms,
            number=self.predictions,
            model=model,
            former=former if former != model else None,
        )
        self.latest_predictions.append(seen)
        return seen

    def _event(self, document: Document) -> EventSeen:
        at = unix(document["at"])
        body = json.loads(document["body"])
        decided = body["prediction"]
        self.capture_to_upstream.append(1000 * (at - unix(decided["capturedAt"])))
        seen = EventSeen(at, body)
        self.latest_events.append(seen)
        return seen

    def _delivered(self, document: Document) -> None:
        if document["endpoint"] != UPSTREAM:
            return
        path = (document["module"], document["output"])
        if path == EVENTS:
            self.events_upstream += 1
            self.first_event = self.first_event or unix(document["at"])
        elif path == SUMMARIES:
            self.summaries_upstream += 1

    def _order(self, what: str, source: str, boot: str, sequence: int) -> None:
        key = (what, source, boot)
        if sequence < self._newest.get(key, -1):
            self.out_of_order += 1
        else:
            self._newest[key] = sequence

    def _stage(self, name: str, value_ms: float) -> None:
        self.stages.setdefault(name, []).append(value_ms)


def unix(text: str) -> float:
    """Unix seconds of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()


def percentiles(values: list[float]) -> dict[str, float | None]:
    """`{"p50", "p95", "p99"}` by the nearest rank, with three decimals."""
    ordered = sorted(values)

    def nearest(share: float) -> float | None:
        if not ordered:
            return None
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    return {"p50": nearest(0.50), "p95": nearest(0.95), "p99": nearest(0.99)}
