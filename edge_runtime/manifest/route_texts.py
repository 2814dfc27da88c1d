"""The routes of a manifest as written: each text with its place, and what it compiles to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edge_runtime.manifest import route_rules
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem, Rule
from edge_runtime.manifest.text_file import JsonFile
from edge_runtime.routing import DEFAULT_PRIORITY, Route, RouteErrors, parse_route
from edge_runtime.routing.lexer import tokens


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One item of a source's path; `index` is its place in the route's text."""

    text: str
    index: int


@dataclass(frozen=True, slots=True)
class WrittenRoute:
    """One route. `route` is None when its text does not compile; its priority and time to live are the file's."""

    name: str
    text: str
    file: JsonFile
    node: Node
    route: Route | None
    errors: tuple[tuple[int, str, str], ...] = ()

    def problem(self, rule: Rule, index: int, what: str, mend: str = "") -> Problem:
        """A finding at a character of the route's text."""
        offset = self.file.offset_inside(self.node, index)
        return self.file.problem(rule, offset, f"route {self.name!r}: {what}", mend)

    def source(self) -> list[SourceItem]:
        """The items between FROM and WHERE or INTO; a star at the end is left out, it matches nothing more."""
        items: list[SourceItem] = []
        inside = False
        for token in tokens(self.text):
            if token.type == "FROM":
                inside = True
            elif token.type in {"WHERE", "INTO"}:
                break
            elif inside and token.type != "SLASH":
                items.append(SourceItem(str(token), token.start_pos or 0))
        if items and items[-1].text.endswith("*"):
            last = items.pop()
            items += [replace(last, text=last.text.rstrip("*"))] if last.text.rstrip("*") else []
        return items


def language_problems(routes: list[WrittenRoute]) -> Iterator[Problem]:
    """What does not compile."""
    for route in routes:
        for index, what, mend in route.errors:
            yield route.problem(route_rules.ROUTE_LANGUAGE, index, what, mend)


def written_routes(manifest: Manifest, device_id: str) -> list[WrittenRoute]:
    """The routes in the file's order; what is no text is left to the schema."""
    hub = manifest.content.desired("$edgeHub")
    routes = hub.get("routes") if hub else None
    if hub is None or routes is None:
        return []
    version = hub.get("schemaVersion")
    plain = version is not None and str(version.value).startswith("1.0")
    written = (_written(manifest.file, name, node, device_id) for name, node in routes.members.items())
    return [route for route in written if route and (route.text.strip() or not plain)]


def _written(file: JsonFile, name: str, node: Node, device_id: str) -> WrittenRoute | None:
    text = node if node.text is not None else node.get("route")
    if text is None or text.text is None:
        return None
    try:
        route = parse_route(name, text.text, device_id=device_id)
    except RouteErrors as errors:
        found = tuple((_index(text.text, e.line, e.column), e.message, e.mend) for e in errors.errors)
        return WrittenRoute(name, text.text, file, text, None, found)
    priority = _number(node.get("priority"), DEFAULT_PRIORITY)
    time_to_live = _number(node.get("timeToLiveSecs"), 0)
    route = replace(route, priority=priority, time_to_live_s=time_to_live or None)
    return WrittenRoute(name, text.text, file, text, route)


def _number(node: Node | None, default: int) -> int:
    return node.value if node is not None and isinstance(node.value, int) else default


def _index(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return sum(len(before) + 1 for before in lines[: line - 1]) + column - 1
