"""From the policy's own counts to Prometheus: the policy stays pure, and nothing is counted twice."""

from __future__ import annotations

from collections import Counter

from module_kit.message import Outgoing
from module_kit.metrics import Distinct
from module_kit.summary import OTHERS
from results_filter import metrics
from results_filter.policy.budget import Budget
from results_filter.policy.moment import Moment
from results_filter.policy.results_filter import ResultsFilter

MAXIMUM_LABELS = 200


class Metering:
    """What goes out is counted as it goes; `update`, to be called about once a second, brings the rest."""

    def __init__(self) -> None:
        self._label = Distinct(MAXIMUM_LABELS, OTHERS)
        self._dropped: Counter[str] = Counter()
        self._duplicates = 0

    def delivered(self, output: str, to: str) -> None:
        """`to`: `upstream` or `local`."""
        metrics.DELIVERIES.labels(output, to).inc()

    def event(self, message: Outgoing) -> None:
        """An event went upstream."""
        metrics.EVENTS.labels(message.properties["type"], self._label(message.properties["label"])).inc()

    def update(self, policy: ResultsFilter, budget: Budget, now: Moment) -> None:
        """What the policy has counted since the last call, and how the budget stands."""
        dropped = policy.dropped
        for reason, count in (dropped - self._dropped).items():
            metrics.DROPPED.labels(reason).inc(count)
        self._dropped = dropped
        metrics.DUPLICATES.inc(policy.duplicates - self._duplicates)
        self._duplicates = policy.duplicates
        metrics.MISSING.set(policy.missing)
        metrics.BUDGET_AVAILABLE.set(budget.available(now.wall))
        metrics.BUDGET_USED.set(budget.used)
        metrics.BUDGET_LIMIT.set(budget.limit)
