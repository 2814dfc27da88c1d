"""From the grammar's rules to typed expressions: what the parser calls when it has read a rule.

Everything is checked here, bottom up, once: a route that compiles never fails when a message comes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from lark import Token, Transformer

from edge_runtime.routing import calls, literals, operators, properties
from edge_runtime.routing.expression import Expression, Mistake, combined, grown, invalid
from edge_runtime.routing.functions import CONCAT
from edge_runtime.routing.message import Evaluate
from edge_runtime.routing.operators import Built
from edge_runtime.routing.values import Type

Binary = tuple[Expression, Token, Expression]


class SourceItem(NamedTuple):
    """The path of a FROM."""

    path: str


class SinkItem(NamedTuple):
    """What follows INTO: a `$name`, or a function and its address; `position` of the part to blame."""

    name: str
    address: str | None
    position: int
    address_position: int = 0


class RouteParts(NamedTuple):
    """A route as read."""

    source: str
    condition: Expression | None
    sink: SinkItem


_MENDS: Final = {
    "EQUAL": "Compare values of one type: as_number(property) = 5, property = 'text', $body.path = 5",
    "AND": "Combine conditions that are true or false; write $body.path = true for a bare body value",
    "arithmetic": "Turn text into a number first: as_number(property)",
    "CONCAT": "Only text can be joined with ||",
    "COALESCE": "Both sides of ?? need the same type",
    "NOT": "NOT takes a condition that is true or false and binds tighter than =: write NOT (a = 'b')",
    "MINUS": "Unary - takes a number: 0 - $body.path, -as_number(property)",
}


# Level (tighter is higher) and the method that builds it (spec C.4).
_LEVELS: Final = {
    "COALESCE": (1, "coalesce"),
    "OR": (2, "disjunction"),
    "AND": (3, "conjunction"),
    "EQUAL": (4, "comparison"),
    "NOT_EQUAL": (4, "comparison"),
    "LESS": (5, "comparison"),
    "LESS_EQUAL": (5, "comparison"),
    "GREATER": (5, "comparison"),
    "GREATER_EQUAL": (5, "comparison"),
    "PLUS": (6, "arithmetic"),
    "MINUS": (6, "arithmetic"),
    "CONCAT": (6, "concatenation"),
    "STAR": (7, "arithmetic"),
    "SLASH": (7, "arithmetic"),
    "PERCENT": (7, "arithmetic"),
}


def _mistyped(operator: Token, operands: list[Expression], mend: str) -> Expression:
    start, end = min(operator.start_pos or 0, operands[0].start), operands[-1].end
    mistakes = [mistake for operand in operands for mistake in operand.mistakes]
    if not mistakes:
        given = " and ".join(_typed(operand) for operand in operands)
        message = f"{operator} does not take {given}"
        mistakes = [Mistake(operator.start_pos or 0, message, _MENDS[mend])]
    return invalid(start, end, mistakes)


def _typed(operand: Expression) -> str:
    if operand.operator == "property":
        return "a property (a string)"
    return "a body value" if operand.type is Type.BODY else operand.type.value


def _binary(items: Binary, built: Built, kind: str, mend: str) -> Expression:
    left, operator, right = items
    if built is None or Type.INVALID in (left.type, right.type):
        return _mistyped(operator, [left, right], mend)
    return combined(*built, left.start, right.end, kind, [left, right])


class Compiler(Transformer[Token, RouteParts]):
    """Callbacks by the names of grammar.lark. Stateless."""

    string = staticmethod(literals.string)
    decimal = staticmethod(literals.decimal)
    hexadecimal = staticmethod(literals.hexadecimal)
    true = staticmethod(literals.true)
    false = staticmethod(literals.false)
    null = staticmethod(literals.null)
    undefined = staticmethod(literals.undefined)
    property = staticmethod(properties.application)
    system_or_property = staticmethod(properties.dollar)
    system_property = staticmethod(properties.escaped)
    call = staticmethod(calls.call)

    def arguments(self, items: list[Expression | Token]) -> list[Expression]:
        return [item for item in items if isinstance(item, Expression)]

    def nested(self, items: tuple[Token, Expression, Token]) -> Expression:
        opening, inner, closing = items
        inner.start, inner.end = opening.start_pos or 0, closing.end_pos or 0
        return inner

    def condition(self, items: list[Expression]) -> Expression:
        return items[0]

    def comparison(self, items: Binary) -> Expression:
        left, operator, right = items
        return _binary(items, operators.comparison(operator.type, left, right), "comparison", "EQUAL")

    def arithmetic(self, items: Binary) -> Expression:
        left, operator, right = items
        return _binary(items, operators.arithmetic(operator.type, left, right), "arithmetic", "arithmetic")

    def operation(self, items: list[Any]) -> Expression:
        """Operands and operators in turn: the tighter and, of equals, the left operator comes first."""
        operands: list[Expression] = [items[0]]
        waiting: list[Token] = []
        for position in range(1, len(items), 2):
            operator = items[position]
            while waiting and _LEVELS[waiting[-1].type][0] >= _LEVELS[operator.type][0]:
                self._apply_last(operands, waiting)
            waiting.append(operator)
            operands.append(items[position + 1])
        while waiting:
            self._apply_last(operands, waiting)
        return operands[0]

    def _apply_last(self, operands: list[Expression], waiting: list[Token]) -> None:
        right, left, operator = operands.pop(), operands.pop(), waiting.pop()
        build = getattr(self, _LEVELS[operator.type][1])
        operands.append(build((left, operator, right)))

    def coalesce(self, items: Binary) -> Expression:
        return _binary(items, operators.coalesce(items[0], items[2]), "coalesce", "COALESCE")

    def conjunction(self, items: Binary) -> Expression:
        return self._logical(items, decisive=False)

    def disjunction(self, items: Binary) -> Expression:
        return self._logical(items, decisive=True)

    def _logical(self, items: Binary, *, decisive: bool) -> Expression:
        left, _, right = items
        kind = "or" if decisive else "and"
        if left.operator == kind and right.type is Type.BOOL:
            return grown(left, right)
        if left.type is Type.BOOL and right.type is Type.BOOL:
            return _chain(kind, Type.BOOL, partial(operators.kleene, decisive=decisive), left, right)
        return _binary(items, operators.logical(left, right, decisive=decisive), f"mixed {kind}", "AND")

    def concatenation(self, items: Binary) -> Expression:
        left, _, right = items
        if not CONCAT.fits([left.type, right.type]):
            return _binary(items, None, "concatenation", "CONCAT")
        if left.operator == "concatenation":
            return grown(left, right)
        return _chain("concatenation", Type.STRING, operators.joined, left, right)

    def negation(self, items: tuple[Token, Expression]) -> Expression:
        return self._unary(items, operators.negation(items[1]), "negation", "MINUS")

    def complement(self, items: tuple[Token, Expression]) -> Expression:
        return self._unary(items, operators.complement(items[1]), "not", "NOT")

    def _unary(self, items: tuple[Token, Expression], built: Built, kind: str, mend: str) -> Expression:
        operator, operand = items
        if built is None:
            return _mistyped(operator, [operand], mend)
        return combined(*built, operator.start_pos or 0, operand.end, kind, [operand])

    def source(self, items: list[Token]) -> SourceItem:
        return SourceItem("".join(items))

    def system_sink(self, items: list[Token]) -> SinkItem:
        return SinkItem(str(items[0]), None, items[0].start_pos or 0)

    def function_sink(self, items: list[Token]) -> SinkItem:
        name, _, address, _ = items
        return SinkItem(str(name), address[1:-1], name.start_pos or 0, address.start_pos or 0)

    def route(self, items: list[Token | SourceItem | SinkItem | Expression]) -> RouteParts:
        source = next(item.path for item in items if isinstance(item, SourceItem))
        condition = next((item for item in items if isinstance(item, Expression)), None)
        sink = next(item for item in items if isinstance(item, SinkItem))
        return RouteParts(source, condition, sink)


def _chain(
    kind: str,
    type_: Type,
    build: Callable[[list[Evaluate]], Evaluate],
    left: Expression,
    right: Expression,
) -> Expression:
    operands = [left.evaluate, right.evaluate]
    chain = combined(type_, build(operands), left.start, right.end, kind, [left, right])
    chain.chain = operands
    return chain
