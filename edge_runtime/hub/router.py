"""From a message to the copies that must be stored: the pure evaluator joined to times to live."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from edge_runtime.hub import stamps, twin_changes
from edge_runtime.hub.message import Message
from edge_runtime.hub.ports import HubError
from edge_runtime.routing import Evaluator, Route, RouteErrors, parse_routes

DEFAULT_CONFIGURATION: Mapping[str, Any] = {
    # What edgeHub runs until its twin has arrived (spec C.10).
    "schemaVersion": "1.2",
    "routes": {"route": "FROM /* INTO $upstream"},
    "storeAndForwardConfiguration": {"timeToLiveSecs": -1},
}


@lru_cache(maxsize=4096)
def short_name(endpoint: str) -> str:
    """`module/input` of `device/module/input`; `iothub` as it is."""
    return endpoint.partition("/")[2] or endpoint


class Copy(NamedTuple):
    """One endpoint's copy of a message; `expires` in Unix seconds, None for never."""

    endpoint: str
    priority: int
    expires: float | None
    routes: tuple[str, ...]


class InvalidRoutesError(HubError):
    """The desired properties of `$edgeHub` cannot be used."""


class Router:
    """The routes of `$edgeHub`'s desired properties. Raises InvalidRoutesError at construction.

    `store_limit_bytes` is None when they set no limit. `takes_twin_changes`: whether a route may match one;
    `asks_for_stamps`: whether a condition looks at what the hub adds.
    """

    def __init__(self, desired: Mapping[str, Any], *, device_id: str) -> None:
        routes = desired.get("routes", {})
        if not isinstance(routes, Mapping):
            raise InvalidRoutesError(f"routes: an object expected, not {type(routes).__name__}")
        try:
            self.routes: Sequence[Route] = parse_routes(
                routes, device_id=device_id, schema_version=desired.get("schemaVersion", "")
            )
        except RouteErrors as error:
            raise InvalidRoutesError(str(error)) from error
        self._evaluator = Evaluator(self.routes)
        self.asks_for_stamps = stamps.asked_for(route.text for route in self.routes)
        self.takes_twin_changes = any(route.matches_source(twin_changes.SOURCE) for route in self.routes)
        section = _store_and_forward(desired)
        self._time_to_live_s = _global_time_to_live_s(section)
        self.store_limit_bytes = _store_limit_bytes(section)

    def copies(self, message: Message) -> list[Copy]:
        """One copy for each endpoint that some route takes the message to."""
        now = time.time()
        copies = []
        for endpoint, priority, time_to_live_s, routes in self._evaluator.evaluate(message):
            # A route's 0 inherits; a global 0 expires everything at once; negative never expires (spec C.10).
            seconds = time_to_live_s or self._time_to_live_s
            copies.append(Copy(endpoint.id, priority, None if seconds < 0 else now + seconds, routes))
        return copies

    def only_route(self, source: str, endpoint: str) -> str | None:
        """The route by which messages from there come to `module/input` or `iothub`; None for several, or none.

        Stored messages do not say by which route they came, so this is of the routes of now.
        """
        names = [
            route.name
            for route in self.routes
            if short_name(route.endpoint.id) == endpoint and route.matches_source(source)
        ]
        return names[0] if len(names) == 1 else None


def _store_and_forward(desired: Mapping[str, Any]) -> Mapping[str, Any]:
    section = desired.get("storeAndForwardConfiguration")
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise InvalidRoutesError(f"storeAndForwardConfiguration: an object expected, not {section!r}")
    return section


def _store_limit_bytes(section: Mapping[str, Any]) -> int | None:
    limits = section.get("storeLimits")
    if limits is None:
        return None
    size = limits.get("maxSizeBytes") if isinstance(limits, Mapping) else None
    if isinstance(size, bool) or not isinstance(size, int) or size <= 0:
        raise InvalidRoutesError(
            'storeAndForwardConfiguration.storeLimits: {"maxSizeBytes": N} expected, N a number of bytes above 0, '
            f"not {limits!r}"
        )
    return size


def _global_time_to_live_s(section: Mapping[str, Any]) -> float:
    seconds = section.get("timeToLiveSecs", -1)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        raise InvalidRoutesError(
            f"storeAndForwardConfiguration.timeToLiveSecs: {seconds!r} is no number of seconds"
        )
    return float(seconds)
