"""Why a message takes a route, or does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from edge_runtime.routing.condition import Truth, truth_of
from edge_runtime.routing.expression import Expression
from edge_runtime.routing.message import Context, RoutingMessage
from edge_runtime.routing.routes import Route
from edge_runtime.routing.values import UNDEFINED, BodyNull, Type, Value, fold

_OPERATOR_CHARACTERS: Final = frozenset("!'+*%|&")
_MISSING_NOTE: Final = "a missing path counts as null, which is greater than every number and text"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a condition and what it came to; `line` and `column` are 1-based in the route's text."""

    text: str
    line: int
    column: int
    value: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one route did with one message.

    Attributes:
        condition: its value; also told when the source did not match.
        deciding: the smallest part of the condition that decided its value.
        operands: the values that the deciding part was made of.
        notes: what is probably not meant so.
    """

    route: Route
    source_matched: bool
    condition: Truth
    deciding: Part
    operands: tuple[Part, ...]
    notes: tuple[str, ...]

    @property
    def matched(self) -> bool:
        """Whether the message takes this route."""
        return self.source_matched and self.condition == "true"


def explain(route: Route, message: RoutingMessage | Context) -> Explanation:
    """Evaluate one route for one message and say what decided.

    The context of a message, for many routes: its body is parsed once.
    """
    context = message if isinstance(message, Context) else Context(message)
    message = context.message
    expression = route.condition.expression
    truth = truth_of(expression, expression.evaluate(context))
    deciding = _deciding(expression, context)
    operands = [child for child in deciding.children if child.operator != "constant"]
    notes = [*_source_notes(route, message), *_type_notes(expression)]
    for leaf in _leaves(deciding):
        notes.extend(note for note in _leaf_notes(route, leaf, context) if note not in notes)
    return Explanation(
        route,
        route.matches_source(message.source),
        truth,
        _part(route, deciding, context),
        tuple(_part(route, operand, context) for operand in operands),
        tuple(notes),
    )


def _deciding(expression: Expression, context: Context) -> Expression:
    """The first part whose value alone makes the whole what it is."""
    while True:
        value = expression.evaluate(context)
        values = [child.evaluate(context) for child in expression.children]
        kind = expression.operator.removeprefix("mixed ")
        wanted: Value = UNDEFINED
        if kind == "not":
            wanted = values[0]
        elif kind in ("and", "or") and value is (kind == "or"):
            wanted = value
        elif value is not UNDEFINED:
            return expression
        operands = list(zip(expression.children, values, strict=True))
        following = [child for child, own in operands if own is wanted]
        if not following and kind in ("and", "or"):
            # With a body value on one side both must be true or false (spec C.4): what is neither decides.
            following = [child for child, own in operands if not isinstance(own, bool)]
        if not following:
            return expression
        expression = following[0]


def _leaves(expression: Expression) -> Iterator[Expression]:
    if not expression.children:
        yield expression
    for child in expression.children:
        yield from _leaves(child)


def _part(route: Route, expression: Expression, context: Context) -> Part:
    origin = route.condition.origin
    line = origin.count("\n", 0, expression.start) + 1
    column = expression.start - origin.rfind("\n", 0, expression.start)
    text = _text(route, expression)
    return Part(text, line, column, show(expression.evaluate(context)))


def _text(route: Route, expression: Expression) -> str:
    return route.condition.origin[expression.start : expression.end]


def show(value: Value) -> str:
    """A value as one line of ASCII: text in quotes, whole numbers without a point."""
    if isinstance(value, BodyNull):
        return value.value
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return json.dumps(value)


def _source_notes(route: Route, message: RoutingMessage) -> Iterator[str]:
    if "*" in route.source.rstrip("*").rsplit("/", 1)[0]:
        yield f"a * inside {route.source} is compared as it is: only the last item may be a *"
    elif not route.matches_source(message.source):
        yield f"the message comes from {message.source}, the route takes {route.source}"


def _type_notes(expression: Expression) -> Iterator[str]:
    if expression.type in (Type.STRING, Type.NUMBER, Type.NULL, Type.UNDEFINED):
        yield f"a condition of type {expression.type.value} never matches: compare it with something"


def _leaf_notes(route: Route, leaf: Expression, context: Context) -> Iterator[str]:
    text = _text(route, leaf)
    value = leaf.evaluate(context)
    if leaf.operator == "body":
        reason = context.body.ineligible
        if reason is not None:
            yield f"every $body value is undefined: {reason}"
        elif value is BodyNull.MISSING:
            yield f"the body has no {text}: {_MISSING_NOTE}"
        elif value is UNDEFINED:
            yield f"{text} is an object, an array or a date: conditions see none of them"
    elif leaf.operator == "property":
        yield from _property_notes(text, value, context)


def _property_notes(text: str, value: Value, context: Context) -> Iterator[str]:
    if value is None:
        yield f"{text} was sent without a value: comparing it is undefined"
    if value is not UNDEFINED:
        return
    yield f"the message has no property {text}"
    if _OPERATOR_CHARACTERS.intersection(text) or text.startswith("-"):
        yield f"{text} is one name: operators need blanks around them"
    elif not text.startswith(("$", "{")) and context.sys(fold(text)) is not UNDEFINED:
        yield f"{text} is a system property: write ${text}"
    elif text.lower() == "$correlationid":
        yield "the correlation id is called $cid here"
