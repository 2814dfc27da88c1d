"""Routes of a manifest: the language, and whether the modules that they name are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem
from edge_runtime.manifest.text_file import JsonFile
from edge_runtime.routing import RouteErrors, parse_routes

_FROM = re.compile(r"^\s*(?:SELECT\s+\*\s+)?FROM\s+/messages/modules/(?P<module>[^/\s*]+)", re.IGNORECASE)
_INTO = re.compile(
    r"\bINTO\s+BrokeredEndpoint\s*\(\s*[\"']\s*/?[^/\"']+/(?P<module>[^/\"']+)/[^\"']*[\"']\s*\)",
    re.IGNORECASE,
)


def check_routes(manifest: Manifest, device_id: str) -> Iterator[Problem]:
    """Findings inside the routes' texts, at the line and column where they stand in the file."""
    hub = manifest.content.desired("$edgeHub")
    routes = hub.get("routes") if hub else None
    if hub is None or routes is None:
        return
    texts = {name: text for name, node in routes.members.items() if (text := _text(node))}
    version = hub.get("schemaVersion")
    plain = version is not None and str(version.value).startswith("1.0")
    try:
        parse_routes(
            {name: node.value for name, node in texts.items()},
            device_id=device_id,
            schema_version="1.0" if plain else "1.3",
        )
    except RouteErrors as errors:
        for error in errors.errors:
            node = texts[str(error.route)]
            index = _index(str(node.value), error.line, error.column)
            what = f"route {error.route!r}: {error.message}"
            yield _inside(manifest.file, node, index, what, error.mend)
    if not manifest.layered:
        yield from _unknown_modules(manifest, texts)


def _text(node: Node) -> Node | None:
    text = node if node.text is not None else node.get("route")
    return text if text is not None and text.text is not None else None


def _unknown_modules(manifest: Manifest, texts: dict[str, Node]) -> Iterator[Problem]:
    agent = manifest.content.desired("$edgeAgent")
    modules = agent.get("modules") if agent else None
    known = list(modules.members) if modules else []
    for name, node in texts.items():
        text = str(node.value)
        for match, role, same in (
            (_FROM.search(text), "source", str.casefold),
            (next(reversed([*_INTO.finditer(text)]), None), "sink", str),
        ):
            if match and same(match["module"]) not in map(same, known):
                near = get_close_matches(match["module"], known, n=1)
                mend = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none'}"
                what = (
                    f"route {name!r}: its {role} names the module {match['module']!r}, which is not deployed"
                )
                yield _inside(manifest.file, node, match.start("module"), what, mend)


def _inside(file: JsonFile, node: Node, index: int, what: str, mend: str) -> Problem:
    return file.problem(file.offset_inside(node, index), what, mend)


def _index(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return sum(len(before) + 1 for before in lines[: line - 1]) + column - 1
