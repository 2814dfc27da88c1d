"""Text to conditions and routes; every mistake with line, column and mend."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, UnexpectedInput

from edge_runtime.routing.compiler import Compiler, RouteParts
from edge_runtime.routing.errors import RouteError, RouteErrors
from edge_runtime.routing.expression import Expression
from edge_runtime.routing.lexer import RouteLexer

_ROUTE_FORM: Final = "FROM /messages/* WHERE condition INTO $upstream"
_MENDS: Final = {
    "UNTERMINATED": "End the string with the quote it began with; the escapes are \\' \\\" \\\\ and \\uXXXX",
    "BRACKETS": "Only body paths have indexes, as in $body.values[0]",
    "EQUAL": "Write a single = to compare",
    "AND": "Put a condition on both sides of AND",
    "OR": "Put a condition on both sides of OR",
    "STRING": "Put an operator before the string, with blanks around it",
    "NAME": "Put an operator with blanks around it before the name; operators inside a word belong to it",
    "SELECT": "A route's own words cannot be names here",
    "FROM": "A route's own words cannot be names here",
    "WHERE": "A route has one WHERE, after the source",
}
_OTHER_LANGUAGES: Final = {
    "&&": "Write AND",
    "!": "Write NOT",
    "&": "Write AND, or || to join text",
    "LIKE": "Use contains, starts_with or ends_with",
    "IN": "Compare with each value: a = 'x' OR a = 'y'",
    "IS": "Use is_null or is_defined",
}
_NO_NAME: Final = "A word of the language or a number cannot be a module or output name in a route"


@cache
def _lark() -> Lark:
    return Lark(
        Path(__file__).with_name("grammar.lark").read_text("utf-8"),
        parser="lalr",
        lexer=RouteLexer,
        start=["route", "condition"],
        transformer=Compiler(),
        maybe_placeholders=False,
    )


def parse_condition(text: str) -> Expression:
    """Compile a condition. Raises RouteErrors."""
    expression: Expression = _parse(text, "condition")
    _raise_mistakes(text, expression)
    return expression


def parse_route_text(text: str) -> RouteParts:
    """Compile a route. Raises RouteErrors."""
    if not text.strip():
        raise RouteErrors([RouteError("the route is empty", mend=f"Write {_ROUTE_FORM}")])
    parts: RouteParts = _parse(text, "route")
    if parts.condition is not None:
        _raise_mistakes(text, parts.condition)
    return parts


def _raise_mistakes(text: str, expression: Expression) -> None:
    if expression.mistakes:
        raise RouteErrors([RouteError.at(text, *mistake) for mistake in expression.mistakes])


def _parse(text: str, start: str) -> Any:
    try:
        return _lark().parse(text, start=start)
    except UnexpectedInput as error:
        raise RouteErrors([_syntax_error(text, error, start)]) from None


def _syntax_error(text: str, error: UnexpectedInput, start: str) -> RouteError:
    token = getattr(error, "token", None)
    expected: set[str] = getattr(error, "accepts", None) or getattr(error, "expected", None) or set()
    if not isinstance(token, Token) or token.type == "$END":
        mend = f"Complete it: {_ROUTE_FORM}" if start == "route" else "Complete the condition"
        return RouteError.at(text, len(text.rstrip()), "the text ends too early", mend)
    message = f"{_name(token)} is not expected here"
    mend = _mend(token, expected, start)
    return RouteError.at(text, token.start_pos or 0, message, mend)


def _name(token: Token) -> str:
    if token.type == "UNTERMINATED":
        return f"the string {token[:40]}, which does not end or has an unknown escape,"
    return f'"{token[:40]}"'


def _mend(token: Token, expected: set[str], start: str) -> str:
    if expected <= {"FROM", "SELECT"}:
        return f"A route is {_ROUTE_FORM}"
    if "NAME" in expected and "STAR" in expected and token.type not in ("INTO", "WHERE"):
        return _NO_NAME
    if expected == {"SYSTEM", "NAME"}:
        return 'A route goes INTO $upstream or INTO BrokeredEndpoint("/modules/NAME/inputs/INPUT")'
    if expected == {"SLASH"}:
        return "A source begins with a slash: /messages/*, /messages/modules/NAME/outputs/OUTPUT"
    if token.type == "INTO" and start == "route":
        return "Complete the condition before INTO"
    general = _MENDS.get(token.type, "Put an operand, an operator or a bracket that fits there")
    return _OTHER_LANGUAGES.get(token, general)
