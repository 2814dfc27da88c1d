"""Operators: which operand types they take and what they compute (spec C.4, C.5, C.7).

Each builder answers the result's type and closure, or None when the operand types do not fit. An expression
of type null yields `BodyNull.NULL`, so that it can stand beside a body value as it is.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Final

from edge_runtime.routing.expression import Expression
from edge_runtime.routing.message import Context, Evaluate
from edge_runtime.routing.values import (
    UNDEFINED,
    BodyNull,
    Type,
    Value,
    defined_number,
    order_body_values,
    order_strings,
)

Built = tuple[Type, Evaluate] | None

_ORDER_TESTS: Final[dict[str, Callable[[int, int], bool]]] = {
    "EQUAL": operator.eq,
    "NOT_EQUAL": operator.ne,
    "LESS": operator.lt,
    "LESS_EQUAL": operator.le,
    "GREATER": operator.gt,
    "GREATER_EQUAL": operator.ge,
}
_EQUALITY: Final = frozenset({"EQUAL", "NOT_EQUAL"})
# Spec C.4 orders numbers, strings, bools and body values, nothing else.
_UNORDERED: Final = frozenset({Type.NULL, Type.UNDEFINED})
_BODY_PARTNERS: Final = frozenset({Type.BOOL, Type.NUMBER, Type.STRING, Type.NULL, Type.BODY})
_LOGICAL: Final = frozenset({Type.BOOL, Type.NULL, Type.UNDEFINED, Type.BODY})


def pairs(left: Type, right: Type) -> bool:
    """Whether two types may meet in a comparison or in `??`: equal ones, or a body value with a JSON scalar."""
    if left is Type.BODY:
        return right in _BODY_PARTNERS
    return left is right or (right is Type.BODY and left in _BODY_PARTNERS)


def comparison(kind: str, left: Expression, right: Expression) -> Built:
    """`= != <> < <= > >=`."""
    types = {left.type, right.type}
    if not pairs(left.type, right.type) or (kind not in _EQUALITY and types & _UNORDERED):
        return None
    test = _ORDER_TESTS[kind]
    if Type.BODY in types:
        return Type.BOOL, _compare(test, order_body_values, left.evaluate, right.evaluate)
    if left.type in (Type.NULL, Type.UNDEFINED):
        outcome: Value = test(0, 0) if left.type is Type.NULL else UNDEFINED
        return Type.BOOL, lambda _: outcome
    if left.type is not Type.STRING:
        return Type.BOOL, _compare_plain(test, left.evaluate, right.evaluate)
    if kind in _EQUALITY:
        return Type.BOOL, _equal_strings(left.evaluate, right.evaluate, equal=kind == "EQUAL")
    return Type.BOOL, _compare_strings(test, left.evaluate, right.evaluate)


def _equal_strings(left: Evaluate, right: Evaluate, *, equal: bool) -> Evaluate:
    def evaluate(context: Context) -> Value:
        first = left(context)
        second = right(context)
        if first is UNDEFINED or second is UNDEFINED or first is None or second is None:
            return UNDEFINED
        return (first == second) is equal

    return evaluate


def _compare_strings(test: Callable[[int, int], bool], left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(context: Context) -> Value:
        first = left(context)
        second = right(context)
        if not isinstance(first, str) or not isinstance(second, str):
            return UNDEFINED
        return test(order_strings(first, second), 0)

    return evaluate


def _compare_plain(test: Callable[..., bool], left: Evaluate, right: Evaluate) -> Evaluate:
    """Numbers with numbers, bools with bools."""

    def evaluate(context: Context) -> Value:
        first = left(context)
        second = right(context)
        if first is UNDEFINED or second is UNDEFINED:
            return UNDEFINED
        return test(first, second)

    return evaluate


def _compare(
    test: Callable[[int, int], bool], order: Callable[[Value, Value], int], left: Evaluate, right: Evaluate
) -> Evaluate:
    def evaluate(context: Context) -> Value:
        first = left(context)
        second = right(context)
        # A property without a value (None) makes every comparison undefined (spec C.5).
        if first is UNDEFINED or second is UNDEFINED or first is None or second is None:
            return UNDEFINED
        return test(order(first, second), 0)

    return evaluate


def _divide(dividend: float, divisor: float) -> float:
    if divisor:
        return dividend / divisor
    if dividend != dividend or dividend == 0:  # noqa: PLR0124 - NaN
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)


def _remainder(dividend: float, divisor: float) -> float:
    if math.isinf(dividend) or divisor == 0:
        return math.nan
    return math.fmod(dividend, divisor)


_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "PLUS": operator.add,
    "MINUS": operator.sub,
    "STAR": operator.mul,
    "SLASH": _divide,
    "PERCENT": _remainder,
}


def arithmetic(kind: str, left: Expression, right: Expression) -> Built:
    """`+ - * / %`. With a body value the result is one too; `%` takes numbers only."""
    types = {left.type, right.type}
    if not types <= {Type.NUMBER, Type.BODY} or (kind == "PERCENT" and Type.BODY in types):
        return None
    compute = _ARITHMETIC[kind]
    first_of, second_of = left.evaluate, right.evaluate

    def evaluate(context: Context) -> Value:
        first = first_of(context)
        second = second_of(context)
        if not isinstance(first, float) or not isinstance(second, float):
            return UNDEFINED
        return defined_number(compute(first, second))

    return (Type.BODY if Type.BODY in types else Type.NUMBER), evaluate


def negation(operand: Expression) -> Built:
    """Unary `-`."""
    if operand.type is not Type.NUMBER:
        return None
    inner = operand.evaluate

    def evaluate(context: Context) -> Value:
        value = inner(context)
        return -value if isinstance(value, float) else UNDEFINED

    return Type.NUMBER, evaluate


def complement(operand: Expression) -> Built:
    """`NOT`: of null it is true, of a body value that is no bool it is undefined."""
    if operand.type is Type.NULL:
        return Type.BOOL, lambda _: True
    if operand.type not in (Type.BOOL, Type.BODY):
        return None
    inner = operand.evaluate

    def evaluate(context: Context) -> Value:
        value = inner(context)
        return not value if isinstance(value, bool) else UNDEFINED

    return Type.BOOL, evaluate


def logical(left: Expression, right: Expression, *, decisive: bool) -> Built:
    """`AND` (`decisive` False) and `OR` (`decisive` True) of two operands."""
    types = (left.type, right.type)
    if left.type is Type.BODY:
        if right.type is Type.NULL and not decisive:
            return None
        return Type.BOOL, _strict(left.evaluate, right.evaluate, decisive=decisive)
    if not _LOGICAL.issuperset(types) or right.type is Type.BODY:
        return None
    if Type.NULL in types:
        return _logical_null(left, right, decisive=decisive)
    return Type.BOOL, kleene([left.evaluate, right.evaluate], decisive=decisive)


def _logical_null(left: Expression, right: Expression, *, decisive: bool) -> Built:
    """`null AND x` is null whatever x is; `null OR x` is x."""
    other = right if left.type is Type.NULL else left
    if other.type is Type.UNDEFINED:
        return None
    if not decisive or other.type is Type.NULL:
        return Type.NULL, lambda _: BodyNull.NULL
    return Type.BOOL, other.evaluate


def _strict(left: Evaluate, right: Evaluate, *, decisive: bool) -> Evaluate:
    """With a body value both sides must be bools; not even `false AND` decides alone."""

    def evaluate(context: Context) -> Value:
        first = left(context)
        second = right(context)
        if not isinstance(first, bool) or not isinstance(second, bool):
            return UNDEFINED
        return (first or second) if decisive else (first and second)

    return evaluate


def kleene(operands: list[Evaluate], *, decisive: bool) -> Evaluate:
    """Any number of operands: one `decisive` value decides, else one undefined leaves it open.

    The list is read at each evaluation, so that a chain can still grow while it is compiled.
    """

    def evaluate(context: Context) -> Value:
        result: Value = not decisive
        for operand in operands:
            value = operand(context)
            if value is decisive:
                return decisive
            if value is UNDEFINED:
                result = UNDEFINED
        return result

    return evaluate


def joined(parts: list[Evaluate]) -> Evaluate:
    """`||` of any number of texts; a property without a value is empty. The list may grow, as `kleene`'s."""

    def evaluate(context: Context) -> Value:
        texts = []
        for part in parts:
            value = part(context)
            if isinstance(value, str):
                texts.append(value)
            elif value is not None:
                return UNDEFINED
        return "".join(texts)

    return evaluate


def coalesce(left: Expression, right: Expression) -> Built:
    """`??`: the right side where the left one is undefined; null is defined (spec C.5)."""
    if not pairs(left.type, right.type):
        return None
    if left.type is Type.UNDEFINED:
        return right.type, right.evaluate
    mixed = Type.BODY in (left.type, right.type)
    first_of, second_of = left.evaluate, right.evaluate

    def evaluate(context: Context) -> Value:
        value = first_of(context)
        return second_of(context) if value is UNDEFINED else value

    return (Type.BODY if mixed else left.type), evaluate
