"""Turns what the models refuse into findings with a place and a mend."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from edge_runtime.manifest import rules
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.schema import NAME_RULES, AgentDesired, HubDesired, RouteObject, field_at
from edge_runtime.manifest.text_file import JsonFile


def check_agent(file: JsonFile, desired: Node, *, layered: bool) -> None:
    """Report what breaks the schema of `$edgeAgent`; a layer may leave out anything."""
    _check(file, desired, AgentDesired, partial=layered)
    system = desired.get("systemModules")
    if layered and system:
        file.report(rules.SCHEMA_LAYER, system, "a layered deployment carries systemModules")


def check_hub(file: JsonFile, desired: Node, *, layered: bool) -> None:
    """Report what breaks the schema of `$edgeHub`; the text of the routes is not looked at."""
    _check(file, desired, HubDesired, partial=layered)
    version = desired.get("schemaVersion")
    old = version is not None and str(version.value).split(".")[:2] == ["1", "0"]
    store = desired.get("storeAndForwardConfiguration")
    if not layered and not old and store is None:
        what = "'storeAndForwardConfiguration' is missing"
        file.report(rules.SCHEMA_MISSING, desired, what, 'write {"timeToLiveSecs": 7200}')
    routes = desired.get("routes")
    for route in routes.members.values() if routes else ():
        if route.text is not None:
            continue
        if old:
            what = "a route with options needs schemaVersion 1.1 or newer"
            file.report(rules.SCHEMA_ROUTE_OPTIONS, route, what)
        else:
            _check(file, route, RouteObject, partial=False)


def _check(file: JsonFile, node: Node, model: type[BaseModel], *, partial: bool) -> None:
    try:
        model.model_validate(node.plain())
    except ValidationError as error:
        for details in error.errors(include_url=False):
            if not (partial and details["type"] == "missing"):
                _report(file, node, model, details)


def _report(file: JsonFile, root: Node, model: type[BaseModel], details: ErrorDetails) -> None:
    loc = details["loc"]
    if loc and loc[-1] == "[key]":
        node = root.nearest(loc[:-1])[0]
        mend = NAME_RULES.get(str(loc[-3]) if len(loc) > 2 else "", "choose another name")
        file.problems.append(file.problem(rules.SCHEMA_NAME, _key(node), worded(details), mend))
        return
    node, _ = root.nearest(loc)
    inside, mend = field_at(model, loc)
    if details["type"] == "missing":
        file.report(rules.SCHEMA_MISSING, node, worded(details), mend)
    elif details["type"] == "extra_forbidden":
        known = [field.alias or "" for field in inside.model_fields.values()]
        near = get_close_matches(str(loc[-1]), known, n=1)
        mend = f"did you mean {near[0]!r}? Otherwise remove it" if near else "remove it"
        file.problems.append(file.problem(rules.SCHEMA_UNKNOWN, _key(node), worded(details), mend))
    else:
        file.report(rules.SCHEMA_VALUE, node, worded(details), mend)


def _key(node: Node) -> int:
    return node.start if node.key is None else node.key


_EXPECTED: dict[str, Callable[[dict[str, Any]], str]] = {
    "literal_error": lambda ctx: f"is none of {ctx['expected']}",
    "string_type": lambda _: "is no text",
    "string_too_short": lambda _: "is empty",
    "int_type": lambda _: "is no whole number",
    "greater_than": lambda ctx: f"is not above {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"is below {ctx['ge']}",
    "less_than_equal": lambda ctx: f"is above {ctx['le']}",
    "dict_type": lambda _: "is no object",
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "is not known here",
    "model_type": lambda _: "is no object",
}


def worded(details: ErrorDetails) -> str:
    """What a model refuses, in the doctor's words; never the value itself, which may be a secret."""
    loc = details["loc"]
    if loc and loc[-1] == "[key]":
        return f"the name {loc[-2]!r} is not allowed"
    expected = _EXPECTED.get(details["type"])
    name = str(loc[-1]) if loc else "the document"
    return f"{name!r} {expected(details.get('ctx', {}))}" if expected else details["msg"]
