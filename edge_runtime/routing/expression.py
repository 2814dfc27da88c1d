"""A compiled expression: its static type, its closure, and where it stands in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from edge_runtime.routing.message import Context, Evaluate
from edge_runtime.routing.values import UNDEFINED, Type, Value

# An evaluation is nested calls: far below Python's limit of 1000, far above what anybody writes.
# Brackets and chains of AND, OR and || do not count, they are flat.
MAX_DEPTH: Final = 100


class Mistake(NamedTuple):
    """What is wrong at a 0-based position of the text."""

    position: int
    message: str
    mend: str


@dataclass(slots=True)
class Expression:
    """One node.

    Attributes:
        type: static type; `Type.INVALID` when it, or something in it, has a mistake.
        evaluate: message in, value out; never raises.
        start, end: its span in the text, 0-based, brackets around it included.
        operator: what explains it: `and`, `or`, `not`, `comparison`, `call`, `property`, `body`, ...
        children: operands or arguments.
        depth: levels of nested calls below it, itself included.
        mistakes: what is wrong in it.
        chain: the list that `evaluate` walks, when the node may still grow by operands at its end.
    """

    type: Type
    evaluate: Evaluate
    start: int
    end: int
    operator: str
    children: list[Expression] = field(default_factory=list)
    depth: int = 1
    mistakes: list[Mistake] = field(default_factory=list)
    chain: list[Evaluate] | None = None


def constant(type_: Type, value: Value, start: int, end: int) -> Expression:
    """A literal."""

    def evaluate(_: Context) -> Value:
        return value

    return Expression(type_, evaluate, start, end, "constant")


def _undefined(_: Context) -> Value:
    return UNDEFINED


def invalid(start: int, end: int, mistakes: list[Mistake]) -> Expression:
    """What stands for a mistake, so that the rest can be checked without errors that only follow from it."""
    return Expression(Type.INVALID, _undefined, start, end, "invalid", mistakes=mistakes)


def combined(
    type_: Type, evaluate: Evaluate, start: int, end: int, operator: str, children: list[Expression]
) -> Expression:
    """An expression of others, refused when it nests too deep to evaluate."""
    depth = 1 + max((child.depth for child in children), default=0)
    return _bounded(Expression(type_, evaluate, start, end, operator, children, depth))


def grown(chain: Expression, operand: Expression) -> Expression:
    """`a AND b` with one more operand: flat and in place, so that long chains neither nest nor cost square time."""
    if chain.chain is not None:
        chain.chain.append(operand.evaluate)
    chain.children.append(operand)
    chain.end = operand.end
    chain.depth = max(chain.depth, operand.depth + 1)
    return _bounded(chain)


def _bounded(expression: Expression) -> Expression:
    if expression.depth <= MAX_DEPTH:
        return expression
    message = f"the condition nests more than {MAX_DEPTH} operators and functions in each other"
    mistake = Mistake(expression.start, message, "Split it over several routes")
    return invalid(expression.start, expression.end, [mistake])
