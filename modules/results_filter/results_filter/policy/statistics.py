"""What a summary says: counts over one period, in bounded memory."""

from __future__ import annotations

from collections import Counter

from module_kit.identifiers import seconds_of, timestamp
from module_kit.prediction import Prediction
from module_kit.summary import ABSTAINED, OTHERS, Accuracy, Budget, Latencies, SourceCounts, Summary
from results_filter.policy.gaps import Gaps
from results_filter.policy.latency import DurationHistogram
from results_filter.policy.moment import Moment

_MAXIMUM_NAMES = 200
_MAXIMUM_CELLS = 1000


class Statistics:
    """Counts since `since` (wall seconds). `gaps` outlives the period; all else begins anew."""

    def __init__(self, since: float, gaps: Gaps) -> None:
        self.since = since
        self._gaps = gaps
        self.predictions = 0
        self.duplicates = 0
        self._labels: Counter[str] = Counter()
        self._abstained: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._confidence = [0] * 10
        self._queue, self._decode, self._infer, self._arrival = (DurationHistogram() for _ in range(4))
        self._judged = self._correct = 0
        self._confusion: Counter[tuple[str, str]] = Counter()

    def observe(self, prediction: Prediction, now: Moment) -> None:
        """Take one prediction that is not a duplicate."""
        self.predictions += 1
        self._gaps.observe(prediction.source, prediction.boot, prediction.sequence)
        self._queue.add(prediction.timings_ms.queue)
        self._decode.add(prediction.timings_ms.decode)
        self._infer.add(prediction.timings_ms.infer)
        self._arrival.add((now.wall - seconds_of(prediction.captured_at)) * 1000)
        if prediction.error is not None or not prediction.top:
            _count(self._errors, prediction.error.code if prediction.error else "empty")
            return
        best = prediction.top[0]
        if prediction.abstained:
            _count(self._abstained, prediction.reason or "unknown")
        else:
            _count(self._labels, best.label)
            self._confidence[min(9, int(best.probability * 10))] += 1
        if prediction.truth is not None:
            self._judge(prediction.truth, ABSTAINED if prediction.abstained else best.label)

    def summary(
        self, number: int, now: Moment, events: Counter[str], dropped: Counter[str], budget: Budget
    ) -> Summary:
        latencies = None
        if self.predictions:
            latencies = Latencies(
                queue=self._queue.percentiles(),
                decode=self._decode.percentiles(),
                infer=self._infer.percentiles(),
                capture_to_filter=self._arrival.percentiles(),
            )
        return Summary(
            number=number,
            since=timestamp(self.since),
            until=timestamp(now.wall),
            predictions=self.predictions,
            labels=dict(self._labels.most_common()),
            abstained=dict(self._abstained),
            errors=dict(self._errors),
            confidence=list(self._confidence),
            latencies_ms=latencies,
            sources=self._sources(),
            duplicates=self.duplicates,
            events=dict(events),
            dropped=dict(dropped),
            budget=budget,
            accuracy=self._accuracy(),
        )

    def _sources(self) -> list[SourceCounts]:
        return [
            SourceCounts(
                source=name,
                received=stream.received,
                missing=stream.missing,
                out_of_order=stream.out_of_order,
                boots=stream.boots,
            )
            for name, stream in self._gaps.period().items()
            if stream.received
        ]

    def _judge(self, truth: str, answer: str) -> None:
        self._judged += 1
        self._correct += truth == answer
        cell = (truth, answer)
        if cell not in self._confusion and len(self._confusion) >= _MAXIMUM_CELLS:
            cell = (OTHERS, OTHERS)
        self._confusion[cell] += 1

    def _accuracy(self) -> Accuracy | None:
        if not self._judged:
            return None
        confusion: dict[str, dict[str, int]] = {}
        for (truth, answer), count in sorted(self._confusion.items()):
            confusion.setdefault(truth, {})[answer] = count
        top1 = round(self._correct / self._judged, 6)
        return Accuracy(n=self._judged, correct=self._correct, top1=top1, confusion=confusion)


def _count(counter: Counter[str], name: str) -> None:
    """Names come from outside, so there is a bound on how many are told apart."""
    counter[name if name in counter or len(counter) < _MAXIMUM_NAMES else OTHERS] += 1
