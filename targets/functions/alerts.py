"""Which events are alerts, and what an alert says. Pure.

An alert is for people and workflows: the start (or the end) of what appeared, without the prediction behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from module_kit.event import SCHEMA as EVENT_SCHEMA
from module_kit.event import Event

ALERT_SCHEMA = "alert/1"


class RuleError(ValueError):
    """A setting of the rule; the message names it and what was expected."""


@dataclass(frozen=True, slots=True)
class Rule:
    """labels: empty for all. minimum_probability: of the event's mean. types: start, update, end."""

    labels: frozenset[str] = frozenset()
    minimum_probability: float = 0.0
    types: frozenset[str] = frozenset({"start"})

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Rule:
        """`ALERT_LABELS` and `ALERT_TYPES`, separated by commas, and `ALERT_MINIMUM_PROBABILITY`.

        Raises:
            RuleError: a value that is none.
        """
        types = _words(environment.get("ALERT_TYPES", "start"))
        if not types or not types <= {"start", "update", "end"}:
            raise RuleError(
                f"ALERT_TYPES: expected some of start,update,end, found {', '.join(sorted(types))!r}"
            )
        text = environment.get("ALERT_MINIMUM_PROBABILITY") or "0"
        try:
            minimum = float(text)
        except ValueError:
            minimum = -1.0
        if not 0 <= minimum <= 1:
            raise RuleError(f"ALERT_MINIMUM_PROBABILITY: expected 0 to 1, found {text!r}")
        return cls(_words(environment.get("ALERT_LABELS", "")), minimum, types)

    def admits(self, event: Event) -> bool:
        return (
            event.type in self.types
            and (not self.labels or event.label in self.labels)
            and event.mean_probability >= self.minimum_probability
        )


@dataclass(frozen=True, slots=True)
class Sorted:
    """What became of a batch. others: messages of other schemas (summaries...); bad: why each is no event."""

    alerts: tuple[dict[str, Any], ...]
    others: int
    bad: tuple[str, ...]


def sort(bodies: Iterable[bytes], rule: Rule) -> Sorted:
    """The alerts of a batch, each id once: Event Hubs delivers at least once."""
    alerts: dict[str, dict[str, Any]] = {}
    others, bad = 0, []
    for body in bodies:
        try:
            document = json.loads(body)
            if isinstance(document, dict) and document.get("schema") == EVENT_SCHEMA:
                event = Event.model_validate_json(body)
                if rule.admits(event):
                    alerts[event.message_id] = alert(event)
            else:
                others += 1
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            bad.append(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        except (ValueError, RecursionError) as error:
            bad.append(f"no JSON: {error}")
    return Sorted(tuple(alerts.values()), others, tuple(bad))


def alert(event: Event) -> dict[str, Any]:
    """`alert/1`: `id` is the event message's, so that a second delivery can be told."""
    return {
        "schema": ALERT_SCHEMA,
        "id": event.message_id,
        "type": event.type,
        "label": event.label,
        "source": event.source,
        "startedAt": event.started_at,
        "at": event.at,
        "durationMs": event.duration_ms,
        "meanProbability": event.mean_probability,
        "model": f"{event.prediction.model.name} {event.prediction.model.version}",
    }


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())
