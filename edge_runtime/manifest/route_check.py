"""Routes of a manifest: the language, where messages come from, and where they go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from edge_runtime.manifest import route_rules
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.module_code import ModuleCode, code_of
from edge_runtime.manifest.problem import Problem
from edge_runtime.manifest.route_conditions import check_condition
from edge_runtime.manifest.route_overlap import check_overlaps
from edge_runtime.manifest.route_texts import SourceItem, WrittenRoute, language_problems, written_routes

_INTO = re.compile(
    r"\bINTO\s+BrokeredEndpoint\s*\(\s*[\"']\s*/?[^/\"']+/(?P<module>[^/\"']+)/[^/\"']*/(?P<input>[^/\"']*)/?\s*[\"']\s*\)",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_WORDS_OF_A_ROUTE = re.compile(r"\b(?:WHERE|INTO)\b", re.IGNORECASE)
# The shapes of spec C.2, None for any name.
_SHAPES: tuple[tuple[str | None, ...], ...] = (
    ("messages", "modules", None, "outputs", None),
    ("twinChangeNotifications",),
)


def check_routes(manifest: Manifest, device_id: str) -> Iterator[Problem]:
    """Findings inside the routes' texts, at the line and column where they stand in the file."""
    routes = written_routes(manifest, device_id)
    codes = {spec.name: code_of(manifest, spec) for spec in manifest.modules}
    yield from language_problems(routes)
    for route in routes:
        yield from _comment(route)
        if route.route is None:
            continue
        items = route.source()
        yield from _shape(route, items)
        yield from _source_names(route, items, manifest, codes)
        yield from _sink_names(route, manifest, codes)
        yield from check_condition(route, items, codes)
    yield from check_overlaps(routes)


def _comment(route: WrittenRoute) -> Iterator[Problem]:
    """Only a comment that begins in the source hides more than its writer meant (spec C.1)."""
    comment = _COMMENT.search(route.text)
    if comment is None or not _WORDS_OF_A_ROUTE.search(comment[0]):
        return
    before = route.text[: comment.start()]
    if before.strip() and not _WORDS_OF_A_ROUTE.search(before):
        yield route.problem(
            route_rules.ROUTE_COMMENT,
            comment.start(),
            "this /* begins a comment, which ends at the next */",
        )


def _shape(route: WrittenRoute, items: Sequence[SourceItem]) -> Iterator[Problem]:
    star = next((item for item in items if item.text == "*"), None)
    if star is not None:
        what = "a * that is not the last item is compared as it is: no message comes from there"
        yield route.problem(route_rules.ROUTE_SOURCE, star.index, what, "leave out what follows the *")
        return
    shapes = _SHAPES
    for depth, item in enumerate(items):
        fitting = tuple(shape for shape in shapes if depth < len(shape) and _same(shape[depth], item.text))
        if not fitting:
            known = [name for shape in shapes if depth < len(shape) and (name := shape[depth])]
            what = f"no message's source has {item.text!r} there"
            mend = f"write {' or '.join(known)}" if known else "end the source before it"
            if item.text.lower() == "leafdevices":
                mend = "write FROM /messages/* WHERE NOT is_defined($connectionModuleId)"
            yield route.problem(route_rules.ROUTE_SOURCE, item.index, what, mend)
            return
        shapes = fitting


def _same(expected: str | None, given: str) -> bool:
    return expected is None or expected.lower() == given.lower()


def _source_names(
    route: WrittenRoute, items: Sequence[SourceItem], manifest: Manifest, codes: dict[str, ModuleCode]
) -> Iterator[Problem]:
    names = [item.text.lower() for item in items]
    if len(names) < 3 or names[:2] != ["messages", "modules"]:
        return
    module = next((name for name in _deployed(manifest) if name.lower() == names[2]), None)
    if module is None:
        if not manifest.layered:
            yield _unknown(route, items[2].index, "source", items[2].text, _deployed(manifest))
    elif len(names) == 5 and module in codes and not codes[module].says(items[4].text, any_case=True):
        what = f"the code of {module} has no word {items[4].text!r}, the output of this source"
        mend = codes[module].near(items[4].text)
        yield route.problem(route_rules.ROUTE_UNKNOWN_OUTPUT, items[4].index, what, mend)


def _sink_names(route: WrittenRoute, manifest: Manifest, codes: dict[str, ModuleCode]) -> Iterator[Problem]:
    match = next(reversed([*_INTO.finditer(route.text)]), None)
    if match is None:
        return
    module, name = match["module"], match["input"]
    if module not in _deployed(manifest):
        if not manifest.layered:
            yield _unknown(route, match.start("module"), "sink", module, _deployed(manifest))
    elif module in codes and name and not codes[module].says(name):
        what = f"the code of {module} has no word {name!r}, the input of this sink"
        yield route.problem(
            route_rules.ROUTE_UNKNOWN_INPUT, match.start("input"), what, codes[module].near(name)
        )


def _deployed(manifest: Manifest) -> list[str]:
    agent = manifest.content.desired("$edgeAgent")
    modules = agent.get("modules") if agent else None
    return list(modules.members) if modules else []


def _unknown(route: WrittenRoute, index: int, role: str, module: str, known: list[str]) -> Problem:
    near = get_close_matches(module, known, n=1)
    mend = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none'}"
    what = f"its {role} names the module {module!r}, which is not deployed"
    return route.problem(route_rules.ROUTE_UNKNOWN_MODULE, index, what, mend)
