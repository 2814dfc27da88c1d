"""The thin part: messages from the hub to the policy, and what it decides back to the hub and the sink."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from module_kit.identifiers import new_boot
from module_kit.inbox import Inbox, InboxClosed, Overflow
from module_kit.message import Incoming, MessageError
from module_kit.module import Module
from module_kit.prediction import Prediction
from module_kit.sparse_log import SparseLog
from results_filter.metering import Metering
from results_filter.metrics import PREDICTIONS
from results_filter.policy.budget import Budget
from results_filter.policy.moment import Moment, now
from results_filter.policy.outlet import Delivery
from results_filter.policy.results_filter import ResultsFilter
from results_filter.settings import FilterSettings
from results_filter.sink import LocalSink

_log = logging.getLogger(__name__)

INPUT = "predictions"
INPUT_CAPACITY = 1024
_OUTBOX_CAPACITY = 256
_TICK_S = 0.5
_BUDGET_PROPERTY = "upstreamBudget"


class FilterModule:
    """Joins one `Module` to one `ResultsFilter`."""

    def __init__(self, module: Module[FilterSettings]) -> None:
        self._module = module
        self._inbox = module.input(INPUT, capacity=INPUT_CAPACITY)
        self._outbox: Inbox[Delivery] = Inbox("deliveries", _OUTBOX_CAPACITY, Overflow.WAIT)
        self._sink = LocalSink(self._lost)
        self._seen_drops = 0
        self._problems = SparseLog(_log, "messages")
        module.on_settings(self._apply)
        self._budget: Budget
        self._filter: ResultsFilter | None = None
        self._metering = Metering()
        self._pending: list[Delivery] = []

    async def run(self) -> None:
        self._sink.configure(self._module.settings.local_sink)
        await self._module.start()
        self._begin(now())
        sending = self._module.spawn(self._send(), "send")
        self._module.spawn(self._sink.run(), "local sink")
        ticking = self._module.spawn(self._tick(), "tick")
        reading = self._module.spawn(self._read(), "read")
        self._module.report({"state": "running"})
        await self._module.stopping.wait()
        self._inbox.close()  # what has arrived is still decided on
        await asyncio.wait([reading, ticking])
        await self._stop()
        await asyncio.wait([sending])

    def _begin(self, moment: Moment) -> None:
        settings = self._module.settings
        saved = self._module.reported_at_start.get(_BUDGET_PROPERTY)
        self._budget = Budget(settings.upstream_messages_per_day, settings.upstream_burst, moment.wall, saved)
        self._filter = ResultsFilter(settings, f"{self._module.name}.{new_boot()}", self._budget, moment)
        self._report_budget()

    async def _read(self) -> None:
        while True:
            try:
                message = await self._inbox.get()
            except InboxClosed:
                return
            PREDICTIONS.inc()
            await self._deliver(self._observe(message))

    def _observe(self, message: Incoming) -> list[Delivery]:
        policy = self._policy()
        if self._inbox.dropped != self._seen_drops:
            policy.drop("inbox_overflow", self._inbox.dropped - self._seen_drops)
            self._seen_drops = self._inbox.dropped
        try:
            prediction = Prediction.decode(message)
        except MessageError as error:
            self._problems.warning(f"not a prediction: {error}")
            self._lost("invalid_message")
            return []
        return policy.observe(prediction, message.custom_properties.get("traceparent"), now())

    async def _tick(self) -> None:
        while not self._module.stopping.is_set():
            await asyncio.sleep(_TICK_S)
            held, self._pending = self._pending, []
            await self._deliver(held + self._policy().tick(now()))
            self._metering.update(self._policy(), self._budget, now())

    async def _deliver(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.local:
                self._metering.delivered(delivery.output, "local")
                self._sink.publish(delivery.message)
            if delivery.upstream:
                self._metering.delivered(delivery.output, "upstream")
                if delivery.output == "events":
                    self._metering.event(delivery.message)
                await self._outbox.put_async(delivery)
        if self._budget.report_is_due():
            self._report_budget()

    async def _send(self) -> None:
        while True:
            try:
                delivery = await self._outbox.get()
            except InboxClosed:
                return
            await self._module.send(delivery.output, delivery.message)

    async def _stop(self) -> None:
        last = self._pending + self._policy().stop(now())
        await self._deliver(last)
        self._metering.update(self._policy(), self._budget, now())
        self._outbox.close()
        lost = await self._sink.drain(1.0) if self._module.settings.local_sink else 0
        if lost:
            _log.warning("local sink: %d events were not published", lost)
        self._report_budget(final=True)
        self._module.report({"state": "stopped"})

    def _apply(self, _old: FilterSettings, new: FilterSettings) -> None:
        self._sink.configure(new.local_sink)
        if self._filter is not None:
            self._pending += self._filter.configure(new, now())

    def _lost(self, reason: str) -> None:
        self._policy().drop(reason)

    def _report_budget(self, *, final: bool = False) -> None:
        report: dict[str, Any] = self._budget.report(final=final)
        self._module.report({_BUDGET_PROPERTY: report})

    def _policy(self) -> ResultsFilter:
        if self._filter is None:
            raise RuntimeError("the filter is used before it has begun")
        return self._filter


async def main(module: Module[FilterSettings]) -> None:
    await FilterModule(module).run()
