"""A compiled WHERE clause."""

from __future__ import annotations

from typing import Literal

from edge_runtime.routing.expression import Expression, constant
from edge_runtime.routing.lexer import tokens
from edge_runtime.routing.message import Context, RoutingMessage
from edge_runtime.routing.parser import parse_condition
from edge_runtime.routing.values import UNDEFINED, BodyNull, Type, Value

Truth = Literal["true", "false", "undefined"]


class Condition:
    """A condition that compiled. Evaluating it never raises, whatever the message holds.

    Attributes:
        origin: the text it was found in: the route's, or its own. Positions count from there.
        expression: the compiled expression.
    """

    __slots__ = ("expression", "origin")

    def __init__(self, origin: str, expression: Expression) -> None:
        self.origin = origin
        self.expression = expression

    @property
    def text(self) -> str:
        """The condition as written."""
        return self.origin[self.expression.start : self.expression.end]

    def truth(self, message: RoutingMessage | Context) -> Truth:
        """Its value; text and numbers are undefined as conditions, null is false (spec C.5)."""
        context = message if isinstance(message, Context) else Context(message)
        return truth_of(self.expression, self.expression.evaluate(context))

    def evaluate(self, message: RoutingMessage | Context) -> Literal["true", "false"]:
        """Whether it routes the message: only a definite true does, so undefined counts as false."""
        return "true" if self.truth(message) == "true" else "false"

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"


def truth_of(expression: Expression, value: Value) -> Truth:
    """An expression's value as a condition."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "false" if expression.type is Type.NULL and isinstance(value, BodyNull) else "undefined"


def compile_condition(text: str) -> Condition:
    """Compile a condition that stands alone. An empty one is undefined. Raises RouteErrors."""
    if next(tokens(text), None) is None:
        return Condition(text, constant(Type.UNDEFINED, UNDEFINED, 0, len(text)))
    return Condition(text, parse_condition(text))


ALWAYS = Condition("true", constant(Type.BOOL, value=True, start=0, end=4))
