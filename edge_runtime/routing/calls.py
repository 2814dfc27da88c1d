"""Calls of functions: which exists, and which arguments it takes (spec C.8)."""

from __future__ import annotations

import difflib

from lark import Token

from edge_runtime.routing.expression import Expression, Mistake, combined, invalid
from edge_runtime.routing.functions import NAMES, PREDICATES, SIGNATURES, apply, as_number, predicate
from edge_runtime.routing.message import Evaluate
from edge_runtime.routing.values import Type


def call(items: list[Token | list[Expression]]) -> Expression:
    """`name(argument, ...)`."""
    name, closing = items[0], items[-1]
    assert isinstance(name, Token)  # noqa: S101 - the grammar says so; this tells mypy
    assert isinstance(closing, Token)  # noqa: S101
    arguments = next((item for item in items if isinstance(item, list)), [])
    start, end = name.start_pos or 0, closing.end_pos or 0
    mistakes = [mistake for argument in arguments for mistake in argument.mistakes]
    built = None if mistakes else _built(name.lower(), arguments)
    if built is None:
        return invalid(start, end, mistakes or [_mistake(name, arguments)])
    return combined(*built, start, end, "call", arguments)


def _built(name: str, arguments: list[Expression]) -> tuple[Type, Evaluate] | None:
    types = [argument.type for argument in arguments]
    if name in PREDICATES:
        test = predicate(name, types[0], arguments[0].evaluate) if len(types) == 1 else None
        return None if test is None else (Type.BOOL, test)
    if name == "as_number":
        if len(types) != 1 or types[0] not in (Type.STRING, Type.NUMBER, Type.BODY):
            return None
        return Type.NUMBER, as_number(arguments[0].evaluate)
    for signature in SIGNATURES.get(name, ()):
        if signature.fits(types):
            return signature.result, apply(signature, [argument.evaluate for argument in arguments])
    return None


def _mistake(name: Token, arguments: list[Expression]) -> Mistake:
    lowered = name.lower()
    position = name.start_pos or 0
    if lowered == "twin_change_includes":
        message = "twin_change_includes exists in IoT Hub only, not in edgeHub"
        return Mistake(position, message, "Route FROM /twinChangeNotifications/* and test the $body")
    if lowered not in NAMES:
        return Mistake(position, f"there is no function {name}", _other_function(lowered))
    given = ", ".join("body value" if item.type is Type.BODY else item.type.value for item in arguments)
    return Mistake(position, f"{name} does not take ({given})", f"Call {_usage(lowered)}")


def _other_function(name: str) -> str:
    if name.lstrip("-!+*%|") in NAMES:
        return f"Put a blank between the operator and {name.lstrip('-!+*%|')}"
    close = difflib.get_close_matches(name, NAMES, n=1)
    return f"Perhaps it is {close[0]}" if close else "Use one of " + ", ".join(sorted(NAMES))


def _usage(name: str) -> str:
    if name in PREDICATES:
        return f"{name}(any)"
    if name == "as_number":
        return "as_number(string or number)"
    return " or ".join(f"{name}{signature}" for signature in SIGNATURES[name])
