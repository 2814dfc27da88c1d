"""N-of-M smoothing: when a label appears at a source, how long it holds, when it is gone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from module_kit.identifiers import seconds_of
from module_kit.prediction import Prediction, Score


@dataclass(slots=True)
class Sighting:
    """One result and what it spoke for (None: for nothing)."""

    prediction: Prediction
    traceparent: str | None
    score: Score | None
    captured_s: float

    @classmethod
    def of(cls, prediction: Prediction, traceparent: str | None, score: Score | None) -> Sighting:
        return cls(prediction, traceparent, score, seconds_of(prediction.captured_at))


@dataclass(slots=True, eq=False)
class Appearance:
    """A label that holds. `number` is how many messages of it have been made."""

    label: str
    first: Sighting
    decided: Sighting
    last: Sighting
    frames: int = 0
    probability_sum: float = 0.0
    peak: float = 0.0
    number: int = 0
    told_at_s: float = 0.0
    sent_upstream: bool = False
    sent_locally: bool = False
    held_back: str = "event_too_short"

    def add(self, sighting: Sighting) -> None:
        if sighting.score is not None:
            self.frames += 1
            self.probability_sum += sighting.score.probability
            self.peak = max(self.peak, sighting.score.probability)

    @property
    def mean(self) -> float:
        return min(1.0, self.probability_sum / self.frames)

    def duration_s(self, at: Sighting) -> float:
        return max(0.0, at.captured_s - self.first.captured_s)


class Smoother:
    """The last M results of one source and the labels that hold: those in at least N of the M."""

    def __init__(self, needed: int, window: int) -> None:
        self._needed = needed
        self._window: deque[Sighting] = deque(maxlen=window)
        self.holding: dict[str, Appearance] = {}

    def configure(self, needed: int, window: int) -> None:
        self._needed = needed
        self._window = deque(self._window, maxlen=window)

    def observe(self, sighting: Sighting) -> list[Appearance]:
        """Take one result. Returns the appearances that it ended; `holding` has those that hold."""
        self._window.append(sighting)
        label = sighting.score.label if sighting.score else None
        ended = [self.holding.pop(name) for name in [*self.holding] if self._count(name) < self._needed]
        if label is None:
            return ended
        if label in self.holding:
            self.holding[label].add(sighting)
            self.holding[label].last = sighting
        elif self._count(label) >= self._needed:
            self.holding[label] = self._open(label, sighting)
        return ended

    def drop(self, label: str) -> Appearance:
        """End `label` by something else than a result."""
        return self.holding.pop(label)

    def forget(self) -> None:
        """Begin anew: what was seen long ago must not count with what is seen next."""
        self._window.clear()

    def _open(self, label: str, decided: Sighting) -> Appearance:
        supporting = [seen for seen in self._window if seen.score and seen.score.label == label]
        appearance = Appearance(label, supporting[0], decided, decided)
        for seen in supporting:
            appearance.add(seen)
        return appearance

    def _count(self, label: str) -> int:
        return sum(1 for seen in self._window if seen.score is not None and seen.score.label == label)
