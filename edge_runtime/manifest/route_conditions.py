"""Conditions that compile and still are not meant so (spec C.3 to C.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from edge_runtime.manifest import route_rules
from edge_runtime.manifest.module_code import ModuleCode
from edge_runtime.manifest.problem import Problem
from edge_runtime.manifest.route_texts import SourceItem, WrittenRoute
from edge_runtime.routing.condition import ALWAYS
from edge_runtime.routing.expression import Expression
from edge_runtime.routing.message import Context
from edge_runtime.routing.message_json import JsonMessage
from edge_runtime.routing.values import Type, fold

_NOTHING = JsonMessage("/messages/", {}, {}, b"")
_JSON_TYPE = "application/json"
_SYSTEM = (  # spec C.6
    *("messageId", "cid", "userId", "to", "ack", "contentType", "contentEncoding", "connectionDeviceId"),
    *("connectionModuleId", "outputName", "absolute-expiry-time", "messageSchema", "operation"),
    *("creationTime", "iothub-interface-id", "dt-subject", "edgeMessageId", "edgeHubOriginInterface"),
    *("modelId", "enqueuedTime", "messageType", "rpSenderDeviceId", "rpSenderModuleId"),
)
# Names that nobody gives to a property of his own.
_WITHOUT_DOLLAR = ("messageId", "contentType", "contentEncoding", "connectionDeviceId", "connectionModuleId")
_OPERATORS = frozenset("!'+*%|&")


def check_condition(
    route: WrittenRoute, items: Sequence[SourceItem], codes: Mapping[str, ModuleCode]
) -> Iterator[Problem]:
    """Findings in the WHERE clause of a route that compiles."""
    if route.route is None or route.route.condition is ALWAYS:
        return
    expression = route.route.condition.expression
    leaves = [leaf for leaf in _leaves(expression) if leaf.operator != "constant"]
    yield from _never(route, expression, leaves)
    for leaf in leaves:
        yield from _name(route, leaf)
    body = next((leaf for leaf in leaves if leaf.operator == "body"), None)
    if body is not None:
        yield from _body(route, expression, body, items, codes)


def _leaves(expression: Expression) -> Iterator[Expression]:
    if not expression.children:
        yield expression
    for child in expression.children:
        yield from _leaves(child)


def _never(route: WrittenRoute, expression: Expression, leaves: list[Expression]) -> Iterator[Problem]:
    if expression.type in {Type.STRING, Type.NUMBER, Type.NULL, Type.UNDEFINED}:
        what = f"the condition is of type {expression.type.value} and never true"
        yield route.problem(route_rules.ROUTE_NEVER, expression.start, what)
    elif not leaves and expression.evaluate(Context(_NOTHING)) is not True:
        yield route.problem(route_rules.ROUTE_NEVER, expression.start, "the condition is never true")
    first: dict[str, object] = {}
    for name, literal, comparison in _demands(route, expression):
        if first.setdefault(name, literal) != literal:
            what = f"{_text(route, comparison.children[0])} cannot be {first[name]!r} and {literal!r} at once"
            yield route.problem(route_rules.ROUTE_NEVER, comparison.start, what, "write OR between them")


def _demands(route: WrittenRoute, expression: Expression) -> Iterator[tuple[str, object, Expression]]:
    """The `name = literal` that all must hold: name (folded), literal, comparison."""
    if expression.operator in {"and", "mixed and"}:
        for child in expression.children:
            yield from _demands(route, child)
    elif expression.operator == "comparison":
        left, right = expression.children
        between = route.text[left.end : right.start].strip()
        if between == "=" and right.operator == "constant" and left.operator in {"property", "body"}:
            name = _text(route, left)
            key = fold(name) if left.operator == "property" else name
            yield key, right.evaluate(Context(_NOTHING)), expression


def _name(route: WrittenRoute, leaf: Expression) -> Iterator[Problem]:
    text = _text(route, leaf)
    if _OPERATORS.intersection(text) or text.startswith("-"):
        what = f"{text} is one name, operators and all"
        yield route.problem(route_rules.ROUTE_OPERATOR_IN_NAME, leaf.start, what)
    elif leaf.operator == "property" and text.startswith(("$", "{")):
        yield from _system_name(route, leaf, text.strip("{} \t\r\n").removeprefix("$"))
    elif leaf.operator == "property" and fold(text) in map(fold, _WITHOUT_DOLLAR):
        what = f"{text} is a property of the sender's own, not the system property"
        yield route.problem(route_rules.ROUTE_SYSTEM_PROPERTY, leaf.start, what, f"write ${text}")


def _system_name(route: WrittenRoute, leaf: Expression, name: str) -> Iterator[Problem]:
    if fold(name) in map(fold, _SYSTEM):
        return
    near = get_close_matches(name, _SYSTEM, n=1)
    mend = f"did you mean ${near[0]}?" if near else f"there are: {', '.join(f'${n}' for n in _SYSTEM)}"
    if name.lower() == "correlationid":
        mend = "the correlation id is called $cid"
    elif name.lower() == "body":
        mend = "write $body.NAME"
    yield route.problem(
        route_rules.ROUTE_SYSTEM_PROPERTY, leaf.start, f"there is no system property ${name}", mend
    )


def _body(
    route: WrittenRoute,
    expression: Expression,
    body: Expression,
    items: Sequence[SourceItem],
    codes: Mapping[str, ModuleCode],
) -> Iterator[Problem]:
    for name, literal, _ in _demands(route, expression):
        if name.strip("{} \t\r\n") == "$CONTENTTYPE" and str(literal).lower() != _JSON_TYPE:
            what = f"$body values are undefined where $contentType is {literal!r}"
            yield route.problem(route_rules.ROUTE_BODY_NOT_JSON, body.start, what)
            return
    if len(items) < 3:
        return
    module = next((m for m in codes if m.lower() == items[2].text.lower()), None)
    reason = codes[module].not_json(items[4].text if len(items) == 5 else None) if module else ""
    if reason:
        what = f"{_text(route, body)} is undefined for messages of {module}: {reason}"
        yield route.problem(route_rules.ROUTE_BODY_NOT_JSON, body.start, what)


def _text(route: WrittenRoute, expression: Expression) -> str:
    return route.text[expression.start : expression.end]
