"""From a message to the copies that must be stored: the pure evaluator joined to times to live."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.hub.message import Message
from edge_runtime.routing import Evaluator, Match, Route, parse_routes

DEFAULT_CONFIGURATION: Mapping[str, Any] = {
    # What edgeHub runs until its twin has arrived (spec C.10).
    "schemaVersion": "1.2",
    "routes": {"route": "FROM /* INTO $upstream"},
    "storeAndForwardConfiguration": {"timeToLiveSecs": -1},
}


@dataclass(frozen=True, slots=True)
class Copy:
    """One endpoint's copy of a message; `expires` in Unix seconds, None for never."""

    endpoint: str
    priority: int
    expires: float | None
    routes: tuple[str, ...]


class Router:
    """The routes of `$edgeHub`'s desired properties. Raises RouteErrors at construction."""

    def __init__(self, desired: Mapping[str, Any], *, device_id: str) -> None:
        self.routes: Sequence[Route] = parse_routes(
            desired.get("routes", {}),
            device_id=device_id,
            schema_version=str(desired.get("schemaVersion", "1.0")),
        )
        self._evaluator = Evaluator(self.routes)
        store_and_forward = desired.get("storeAndForwardConfiguration") or {}
        self._time_to_live_s = float(store_and_forward.get("timeToLiveSecs", -1))

    def copies(self, message: Message) -> list[Copy]:
        """One copy for each endpoint that some route takes the message to."""
        now = time.time()
        return [
            Copy(match.endpoint.id, match.priority, self._expires(match, now), match.routes)
            for match in self._evaluator.evaluate(message)
        ]

    def _expires(self, match: Match, now: float) -> float | None:
        # A route's 0 inherits; a global 0 expires everything at once; negative never expires (spec C.10).
        seconds = match.time_to_live_s or self._time_to_live_s
        return None if seconds < 0 else now + seconds
