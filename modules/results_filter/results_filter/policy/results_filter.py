"""The whole policy: predictions in; events, summaries and sampled predictions out."""

from __future__ import annotations

from collections import Counter

from module_kit.prediction import Prediction
from module_kit.summary import Budget as BudgetCounts
from results_filter.policy.appearance import Sighting
from results_filter.policy.budget import Budget
from results_filter.policy.candidate import Unused, candidate
from results_filter.policy.duplicates import RecentIds
from results_filter.policy.events import EventPolicy
from results_filter.policy.gaps import Gaps
from results_filter.policy.moment import Moment
from results_filter.policy.outlet import Delivery, Till
from results_filter.policy.statistics import Statistics
from results_filter.settings import FilterSettings


class ResultsFilter:
    """Pure: every moment is given, everything to send is returned.

    Args:
        settings: replaced by `configure`.
        identity: begins the ids of summaries; unique per start of the module.
        budget: what may go upstream.
        now: the start of the first summary's period.

    Attributes:
        duplicates: predictions that had arrived before, since the start.
    """

    def __init__(self, settings: FilterSettings, identity: str, budget: Budget, now: Moment) -> None:
        self._settings = settings
        self._identity = identity
        self._budget = budget
        self._till = Till(budget, settings.meter_block_bytes)
        self._events = EventPolicy(settings, self._till, sink=bool(settings.local_sink))
        self._recent = RecentIds(settings.duplicates_remembered)
        self._gaps = Gaps()
        self._statistics = Statistics(now.wall, self._gaps)
        self._summary_due = now.steady + settings.summary_seconds
        self._summaries = 0
        self._sampled = 0
        self._dropped_before: Counter[str] = Counter()
        self.duplicates = 0

    @property
    def dropped(self) -> Counter[str]:
        """Since the start, by reason: what did not go upstream, or came and was not used."""
        return self._dropped_before + self._till.dropped

    @property
    def missing(self) -> int:
        """Sequence numbers that have not come, since the start."""
        return self._gaps.missing

    def observe(self, prediction: Prediction, traceparent: str | None, now: Moment) -> list[Delivery]:
        """Take one prediction as it arrived."""
        if self._recent.seen(prediction.message_id):
            self._statistics.duplicates += 1
            self.duplicates += 1
            return []
        self._statistics.observe(prediction, now)
        deliveries = self._sample(prediction, traceparent, now)
        choice = candidate(prediction, self._settings)
        if isinstance(choice, Unused):
            self._till.dropped[choice.value] += 1
        if choice is Unused.ERROR:
            return deliveries  # says nothing of what is in front of the camera
        score = None if isinstance(choice, Unused) else choice
        return deliveries + self._events.observe(Sighting.of(prediction, traceparent, score), now)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count what was lost outside the policy, for the next summary."""
        if count:
            self._till.dropped[reason] += count

    def tick(self, now: Moment) -> list[Delivery]:
        """To be called about once a second."""
        deliveries = self._events.tick(now)
        if now.steady >= self._summary_due:
            self._summary_due = now.steady + self._settings.summary_seconds
            deliveries += self._summarise(now)
        return deliveries

    def configure(self, settings: FilterSettings, now: Moment) -> list[Delivery]:
        """Take new settings, live."""
        deliveries = self._events.configure(settings, now, sink=bool(settings.local_sink))
        if settings.summary_seconds != self._settings.summary_seconds:
            self._summary_due = now.steady + settings.summary_seconds
        self._settings = settings
        self._till.block_bytes = settings.meter_block_bytes
        self._recent.resize(settings.duplicates_remembered)
        self._budget.configure(settings.upstream_messages_per_day, settings.upstream_burst)
        return deliveries

    def stop(self, now: Moment) -> list[Delivery]:
        """End what holds; a last summary of what has not been summarised."""
        deliveries = self._events.stop(now)
        if self._statistics.predictions or self._till.dropped:
            deliveries += self._summarise(now)
        return deliveries

    def _sample(self, prediction: Prediction, traceparent: str | None, now: Moment) -> list[Delivery]:
        mode = self._settings.predictions_upstream
        if mode == "off":
            return []
        self._sampled += 1
        if mode == "sampled" and (self._sampled - 1) % self._settings.sample_every:
            return []
        message = prediction.encode(traceparent)
        if not self._till.prediction(message, now.wall, self._settings.upstream_burst // 5):
            return []
        return [Delivery("predictions", message, upstream=True, local=False)]

    def _summarise(self, now: Moment) -> list[Delivery]:
        """A summary that cannot be paid is not lost: its period goes on into the next."""
        counts = BudgetCounts(used=self._budget.used, limit=self._budget.limit)
        summary = self._statistics.summary(
            self._summaries, now, self._events.sent, self._till.dropped, counts
        )
        message = summary.encode(f"{self._identity}.s.{self._summaries}")
        if not self._till.summary(message, now.wall):
            return []
        self._summaries += 1
        self._gaps.clear()
        self._statistics = Statistics(now.wall, self._gaps)
        self._dropped_before = self.dropped
        self._events.sent, self._till.dropped = Counter(), Counter()
        return [Delivery("summaries", message, upstream=True, local=False)]
