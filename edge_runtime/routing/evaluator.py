"""Which endpoints a message goes to (spec C.11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from edge_runtime.routing.condition import ALWAYS
from edge_runtime.routing.message import Context, Evaluate, RoutingMessage
from edge_runtime.routing.routes import Endpoint, Route, source_key

# Sources come from module and output names, which clients choose.
_MAX_SOURCES: Final = 4096


class Match(NamedTuple):
    """One copy of a message.

    Attributes:
        priority, time_to_live_s: those of the matching route with the lowest priority number.
        routes: names of all matching routes to this endpoint, the one that decided first.
    """

    endpoint: Endpoint
    priority: int
    time_to_live_s: int | None
    routes: tuple[str, ...]


class _Candidate(NamedTuple):
    route: Route
    evaluate: Evaluate | None
    alone: Match


class Evaluator:
    """Evaluates a fixed set of routes. Never raises for any message."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        # Stable: among equal priorities the first route in the document wins.
        ordered = sorted(self.routes, key=lambda route: route.priority)
        self._candidates = [_candidate(route) for route in ordered]
        self._by_source: dict[str, list[_Candidate]] = {}

    def evaluate(self, message: RoutingMessage) -> tuple[Match, ...]:
        """One match for each endpoint, the most urgent first; empty when no route matches."""
        candidates = self._from(message.source)
        if not candidates:
            return ()
        context = Context(message)
        matched = []
        for candidate in candidates:
            evaluate = candidate.evaluate
            if evaluate is None or evaluate(context) is True:
                matched.append(candidate)
        if len(matched) == 1:
            return (matched[0].alone,)
        return _one_an_endpoint(matched)

    def _from(self, source: str) -> list[_Candidate]:
        candidates = self._by_source.get(source)
        if candidates is None:
            if len(self._by_source) >= _MAX_SOURCES:
                self._by_source.clear()
            key = source_key(source)
            candidates = [item for item in self._candidates if key.startswith(item.route.source_prefix)]
            self._by_source[source] = candidates
        return candidates


def _candidate(route: Route) -> _Candidate:
    evaluate = None if route.condition is ALWAYS else route.condition.expression.evaluate
    alone = Match(route.endpoint, route.priority, route.time_to_live_s, (route.name,))
    return _Candidate(route, evaluate, alone)


def _one_an_endpoint(matched: list[_Candidate]) -> tuple[Match, ...]:
    matches: dict[str, Match] = {}
    for candidate in matched:
        first = matches.get(candidate.route.endpoint.id)
        matches[candidate.route.endpoint.id] = (
            candidate.alone if first is None else first._replace(routes=(*first.routes, candidate.route.name))
        )
    return tuple(matches.values())
