"""Routes that do nothing beside others, or too much: an endpoint gets one copy of a message (spec C.11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_runtime.manifest import route_rules
from edge_runtime.manifest.problem import Problem, Rule
from edge_runtime.manifest.route_texts import WrittenRoute
from edge_runtime.routing import Route
from edge_runtime.routing.condition import ALWAYS
from edge_runtime.routing.lexer import tokens


def check_overlaps(written: Sequence[WrittenRoute]) -> Iterator[Problem]:
    """Duplicates, routes that another one always decides for, and loops; of routes that compile."""
    routes = [(entry, entry.route) for entry in written if entry.route is not None]
    for place, (entry, route) in enumerate(routes):
        for other_place, (_, other) in enumerate(routes):
            if place != other_place and _useless(route, other, later=place > other_place):
                same = _same_condition(route, other) and route.source_prefix == other.source_prefix
                yield entry.problem(*_told(other.name, duplicate=same))
                break
        if _loops(route):
            start = entry.text.index("/")
            what = f"{route.endpoint.module} gets its own messages too"
            yield entry.problem(route_rules.ROUTE_LOOP, start, what)


def _told(other: str, *, duplicate: bool) -> tuple[Rule, int, str]:
    if duplicate:
        return route_rules.ROUTE_DUPLICATE, 0, f"it does what the route {other!r} does"
    return route_rules.ROUTE_SHADOWED, 0, f"the route {other!r} takes all its messages to the same endpoint"


def _useless(route: Route, other: Route, *, later: bool) -> bool:
    """Whether `other` takes every message of `route` to the same endpoint and decides priority and TTL."""
    if route.endpoint.id != other.endpoint.id:
        return False
    if not route.source_prefix.startswith(other.source_prefix):
        return False
    if not (other.condition is ALWAYS or _same_condition(route, other)):
        return False
    if route.priority != other.priority:
        return other.priority < route.priority
    mirrored = route.source_prefix == other.source_prefix and _same_condition(route, other)
    # Of two that are alike the later one is told; of a narrow and a wide one the narrow.
    return later or (not mirrored and route.time_to_live_s == other.time_to_live_s)


def _same_condition(route: Route, other: Route) -> bool:
    return _words(route) == _words(other)


def _words(route: Route) -> list[str]:
    return [str(token) for token in tokens(route.condition.text)]


def _loops(route: Route) -> bool:
    everything = {"/", "/MESSAGES/", "/MESSAGES/MODULES/"}
    return (
        route.endpoint.module is not None and route.condition is ALWAYS and route.source_prefix in everything
    )
