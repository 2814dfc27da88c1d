"""Change-only events: start, update and end of what appears, with minimum duration and cool-down.

Durations and cool-downs run in stream time, the frames' `capturedAt`: a film fed at 400 frames a second, or
a backlog that drains after an outage, gives the same events as it would have live. Only staleness looks at the
wall, because a source that is silent has no stream time.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from module_kit.event import Event
from results_filter.policy.appearance import Appearance, Sighting, Smoother
from results_filter.policy.candidate import admitted
from results_filter.policy.moment import Moment
from results_filter.policy.outlet import Delivery, Till
from results_filter.settings import FilterSettings

_MAXIMUM_SOURCES = 64
_MAXIMUM_COOLDOWNS = 4096
EndReason = Literal["gone", "stale", "settings", "stopped"]


@dataclass(slots=True)
class _Source:
    smoother: Smoother
    heard_at: float


class EventPolicy:
    """All sources' events.

    Args:
        settings: replaced by `configure`.
        till: pays for what goes upstream.
        sink: whether a local sink takes events too; it is not metered.
    """

    def __init__(self, settings: FilterSettings, till: Till, *, sink: bool) -> None:
        self._settings = settings
        self._till = till
        self._sink = sink
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._told_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        self.sent: Counter[str] = Counter()

    def observe(self, sighting: Sighting, now: Moment) -> list[Delivery]:
        """Take one result, whatever it speaks for (failures must not come here)."""
        name = sighting.prediction.source
        source, deliveries = self._source(name, now)
        source.heard_at = now.steady
        for appearance in source.smoother.observe(sighting):
            deliveries += self._end(appearance, sighting, "gone", now)
        held = source.smoother.holding.get(sighting.score.label) if sighting.score else None
        if held is not None:
            deliveries += self._hold(held, sighting, now)
        return deliveries

    def tick(self, now: Moment) -> list[Delivery]:
        """End what holds at sources that give no results any more."""
        deliveries: list[Delivery] = []
        for source in self._sources.values():
            if now.steady - source.heard_at >= self._settings.stale_seconds:
                deliveries += self._end_all(source, "stale", now)
        return deliveries

    def configure(self, settings: FilterSettings, now: Moment, *, sink: bool) -> list[Delivery]:
        """Take new settings; what they no longer admit ends."""
        self._settings, self._sink = settings, sink
        deliveries: list[Delivery] = []
        for source in self._sources.values():
            source.smoother.configure(settings.smoothing_needed, settings.smoothing_window)
            for label in [label for label in source.smoother.holding if not admitted(label, settings)]:
                gone = source.smoother.drop(label)
                deliveries += self._end(gone, gone.last, "settings", now)
        return deliveries

    def stop(self, now: Moment) -> list[Delivery]:
        """End everything: who saw a start sees an end even when the filter is replaced."""
        return [
            delivery
            for source in self._sources.values()
            for delivery in self._end_all(source, "stopped", now)
        ]

    def _source(self, name: str, now: Moment) -> tuple[_Source, list[Delivery]]:
        deliveries: list[Delivery] = []
        source = self._sources.get(name)
        if source is None:
            settings = self._settings
            smoother = Smoother(settings.smoothing_needed, settings.smoothing_window)
            source = self._sources[name] = _Source(smoother, now.steady)
            if len(self._sources) > _MAXIMUM_SOURCES:
                _, oldest = self._sources.popitem(last=False)
                deliveries = self._end_all(oldest, "stale", now)
        self._sources.move_to_end(name)
        return source, deliveries

    def _hold(self, held: Appearance, at: Sighting, now: Moment) -> list[Delivery]:
        if not held.sent_locally and not held.sent_upstream:
            return self._begin(held, at, now)
        if not held.sent_upstream:  # what the budget held back may go now
            late = self._begin_upstream(held, at, now)
            if late:
                return late
        interval_s = self._settings.update_seconds
        if interval_s and abs(at.captured_s - held.told_at_s) >= interval_s:
            return self._update(held, at, now)
        return []

    def _begin(self, held: Appearance, at: Sighting, now: Moment) -> list[Delivery]:
        if held.duration_s(at) < self._settings.minimum_duration_seconds:
            return []
        told_at_s = self._told_at.get((at.prediction.source, held.label))
        if told_at_s is not None and abs(at.captured_s - told_at_s) < self._settings.cooldown_seconds:
            held.held_back = "event_cooldown"
            return []
        return self._begin_upstream(held, at, now)

    def _begin_upstream(self, held: Appearance, at: Sighting, now: Moment) -> list[Delivery]:
        """Start, if the budget has room; else try again with the next result that shows the label."""
        event = _event(held, at, "start")
        message = event.encode(at.traceparent)
        upstream = self._till.start(event.event_id, message, now.wall)
        local = self._sink and not held.sent_locally
        if not upstream:
            held.held_back = "event_budget"
            if not local:
                return []
        held.sent_upstream, held.sent_locally = upstream, held.sent_locally or local
        self._told(held, at, event.type if upstream else None)
        return [Delivery("events", message, upstream, local)]

    def _update(self, held: Appearance, at: Sighting, now: Moment) -> list[Delivery]:
        held.number += 1
        event = _event(held, at, "update")
        message = event.encode(at.traceparent)
        upstream = held.sent_upstream and self._till.update(message, now.wall)
        held.told_at_s = at.captured_s
        if not upstream and not held.sent_locally:
            return []
        self._told(held, at, event.type if upstream else None)
        return [Delivery("events", message, upstream, held.sent_locally)]

    def _end(self, gone: Appearance, at: Sighting, reason: EndReason, now: Moment) -> list[Delivery]:
        if not gone.sent_upstream:
            self._till.dropped[gone.held_back] += 1
        if not gone.sent_upstream and not gone.sent_locally:
            return []
        gone.number += 1
        event = _event(gone, at, "end", reason)
        message = event.encode(at.traceparent)
        upstream = gone.sent_upstream and self._till.end(event.event_id, message, now.wall)
        self._told(gone, at, event.type if upstream else None)
        return [Delivery("events", message, upstream, gone.sent_locally)]

    def _end_all(self, source: _Source, reason: EndReason, now: Moment) -> list[Delivery]:
        source.smoother.forget()
        gone = [source.smoother.drop(label) for label in [*source.smoother.holding]]
        return [delivery for one in gone for delivery in self._end(one, one.last, reason, now)]

    def _told(self, held: Appearance, at: Sighting, sent_type: str | None) -> None:
        """The cool-down is consumed here alone: by what was sent, never by what was held back."""
        held.told_at_s = at.captured_s
        key = (at.prediction.source, held.label)
        self._told_at[key] = at.captured_s
        self._told_at.move_to_end(key)
        if len(self._told_at) > _MAXIMUM_COOLDOWNS:
            self._told_at.popitem(last=False)
        if sent_type:
            self.sent[sent_type] += 1


def _event(
    held: Appearance, at: Sighting, kind: Literal["start", "update", "end"], reason: EndReason | None = None
) -> Event:
    return Event(
        event_id=_event_id(held),
        type=kind,
        update=held.number,
        label=held.label,
        source=at.prediction.source,
        boot=held.decided.prediction.boot,
        started_at=held.first.prediction.captured_at,
        at=at.prediction.captured_at,
        duration_ms=round(held.duration_s(at) * 1000),
        frames=held.frames,
        mean_probability=round(held.mean, 4),
        peak_probability=round(held.peak, 4),
        end_reason=reason,
        prediction=at.prediction,
    )


def _event_id(held: Appearance) -> str:
    """Made of the frame that made the label hold, so the same stream gives the same ids, each once."""
    label = quote(held.label, safe="")
    if len(label) > 24:
        label = label[:16] + hashlib.sha256(held.label.encode()).hexdigest()[:8]
    return f"{held.decided.prediction.frame_id[:80]}.e.{label}"
