"""What leaves the policy: messages, where they go, and what was paid for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from module_kit.message import Outgoing
from results_filter.policy.budget import Budget, metered


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for an output (`events`, `summaries`, `predictions`).

    `upstream`: the budget has paid for it. `local`: it is for the local sink.
    """

    output: str
    message: Outgoing
    upstream: bool
    local: bool


class Till:
    """Pays for messages and keeps back what the ends of started events will cost.

    Who has seen a start must see the end, so a start goes only when its end can be paid too. Summaries come
    next, since they say what was not sent; plain predictions come last and leave a fifth of the burst.
    """

    def __init__(self, budget: Budget, block_bytes: int) -> None:
        self.budget = budget
        self.block_bytes = block_bytes
        self.dropped: Counter[str] = Counter()
        self._kept: dict[str, int] = {}
        self._summary_units = 4

    def start(self, event_id: str, message: Outgoing, wall: float) -> bool:
        units = metered(message, self.block_bytes)
        end_units = units + 1  # an end has a reason and longer numbers
        if not self.budget.spend(units, wall, self.kept + end_units + self._summary_units):
            return False
        self._kept[event_id] = end_units
        return True

    def update(self, message: Outgoing, wall: float) -> bool:
        return self._pay(message, wall, self.kept + self._summary_units, "update_budget")

    def end(self, event_id: str, message: Outgoing, wall: float) -> bool:
        self._kept.pop(event_id, None)
        return self._pay(message, wall, 0, "end_budget")

    def summary(self, message: Outgoing, wall: float) -> bool:
        self._summary_units = metered(message, self.block_bytes) + 1
        return self._pay(message, wall, self.kept, "summary_budget")

    def prediction(self, message: Outgoing, wall: float, fifth: int) -> bool:
        return self._pay(message, wall, self.kept + self._summary_units + fifth, "prediction_budget")

    @property
    def kept(self) -> int:
        """Metered messages kept back for ends."""
        return sum(self._kept.values())

    def _pay(self, message: Outgoing, wall: float, leave: int, reason: str) -> bool:
        paid = self.budget.spend(metered(message, self.block_bytes), wall, leave)
        if not paid:
            self.dropped[reason] += 1
        return paid
