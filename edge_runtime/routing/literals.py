"""Literals (spec C.3)."""

from __future__ import annotations

from lark import Token

from edge_runtime.routing import strings
from edge_runtime.routing.expression import Expression, constant
from edge_runtime.routing.values import UNDEFINED, BodyNull, Type, Undefined, Value, finite_number


def _literal(token: Token, type_: Type, value: Value) -> Expression:
    return constant(type_, value, token.start_pos or 0, token.end_pos or 0)


def _number(token: Token, value: float | Undefined) -> Expression:
    return _literal(token, Type.UNDEFINED if value is UNDEFINED else Type.NUMBER, value)


def string(items: list[Token]) -> Expression:
    """`'text'` or `"text"`."""
    return _literal(items[0], Type.STRING, strings.unquote(items[0]))


def decimal(items: list[Token]) -> Expression:
    """`5`, `-2.5`, `1e3`; what is too large for a double is `undefined`."""
    return _number(items[0], finite_number(float(_with_digits(items[0]))))


def _with_digits(text: str) -> str:
    """`e5` and `-e5`, which the lexer takes for numbers, have no digits before the exponent: they are 0."""
    return text.replace("e", "0e", 1) if text.lstrip("-")[0] in "eE" else text


def hexadecimal(items: list[Token]) -> Expression:
    """`0x1F`: a 64-bit integer in two's complement; more bits are `undefined`."""
    value = int(items[0], base=0)
    if value >= 1 << 64:
        return _number(items[0], UNDEFINED)
    return _number(items[0], float(value - (1 << 64) if value >= 1 << 63 else value))


def true(items: list[Token]) -> Expression:
    return _literal(items[0], Type.BOOL, value=True)


def false(items: list[Token]) -> Expression:
    return _literal(items[0], Type.BOOL, value=False)


def null(items: list[Token]) -> Expression:
    return _literal(items[0], Type.NULL, BodyNull.NULL)


def undefined(items: list[Token]) -> Expression:
    return _literal(items[0], Type.UNDEFINED, UNDEFINED)
