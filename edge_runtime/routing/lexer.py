r"""Tokens of the route language (spec C.3).

The longest token wins, and of equally long ones the more special. A word is a run of any characters but
blanks and `( ) < > @ , ; : \ " / ? = { }`, so `a-b`, `lane!`, `5*3`, `'x'and` and `$body.a+1` are one token
each, and the operators `! - + * % ||` need blanks around them while `= < >` do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lark.common import LexerConf
from lark.lexer import Lexer, Token

_SKIPPED: Final = re.compile(r"(?:[ \t\r\n]+|/\*.*?\*/)+", re.DOTALL)
_WORD: Final = re.compile(r'[^()<>@,;:\\"/?={} \t\n\r]+')
_STRING: Final = {
    quote: re.compile(rf'{quote}(?:\\(?:["\'\\]|u[0-9a-fA-F]{{4}})|[^{quote}\\])*({quote})?')
    for quote in ("'", '"')
}
_INTEGER: Final = re.compile(r"-?[0-9]+")
_HEX: Final = re.compile(r"0[xX][0-9a-fA-F]+")
_REAL: Final = re.compile(
    r"-?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?"  # 2.5  .5  -.5e3
    r"|-?[0-9]*[eE][+-]?[0-9]+"  # 1e5, and e5 as well
    r"|-?[0-9]+\."  # 1.
)
_SYMBOL: Final = re.compile(r"<>|<=|>=|\?\?|[()<>,={}/]")
_SYMBOLS: Final = {
    "(": "LPAR",
    ")": "RPAR",
    "{": "LBRACE",
    "}": "RBRACE",
    ",": "COMMA",
    "/": "SLASH",
    "=": "EQUAL",
    "<>": "NOT_EQUAL",
    "<": "LESS",
    "<=": "LESS_EQUAL",
    ">": "GREATER",
    ">=": "GREATER_EQUAL",
    "??": "COALESCE",
}
_OPERATOR_WORDS: Final = {"+": "PLUS", "-": "MINUS", "*": "STAR", "%": "PERCENT", "||": "CONCAT"}
_LITERALS: Final = {"true": "TRUE", "false": "FALSE", "null": "NULL", "undefined": "UNDEFINED"}
_KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "SELECT", "FROM", "WHERE", "INTO"})


class RouteLexer(Lexer):
    """Lark's entry to `tokens`."""

    def __init__(self, lexer_conf: LexerConf) -> None:
        """Lark gives its configuration, of which nothing is needed."""

    def lex(self, data: str) -> Iterator[Token]:  # type: ignore[override]  # lark wraps this form
        """The tokens up to the end of the sink."""
        return _until_sink_ends(tokens(data))


def tokens(text: str) -> Iterator[Token]:
    """All tokens.

    What is none of the language comes as `UNTERMINATED`, `BRACKETS` or `UNKNOWN`, which no rule takes.
    """
    position = 0
    end = len(text)
    while position < end:
        if text[position] in " \t\r\n/" and (skipped := _SKIPPED.match(text, position)):
            position = skipped.end()
            continue
        kind, stop = _next(text, position)
        yield Token(kind, text[position:stop], start_pos=position, end_pos=stop)
        position = stop


def _next(text: str, position: int) -> tuple[str, int]:
    """Kind and end of the token at `position`."""
    word = _WORD.match(text, position)
    if text[position] in "\"'":
        string = _STRING[text[position]].match(text, position)
        if string is not None and (word is None or string.end() >= word.end()):
            return ("STRING" if string[1] else "UNTERMINATED"), string.end()
    if word is not None:
        if word[0] == "!" and text.startswith("=", word.end()):
            return "NOT_EQUAL", word.end() + 1
        return _word_kind(word[0]), word.end()
    symbol = _SYMBOL.match(text, position)
    if symbol is not None:
        return _SYMBOLS[symbol[0]], symbol.end()
    return "UNKNOWN", position + 1


def _word_kind(word: str) -> str:
    if word[0] == "$" and len(word) > 1:
        return "SYSTEM"
    if "[" in word or "]" in word:
        return "BRACKETS"
    special = _OPERATOR_WORDS.get(word) or _LITERALS.get(word)
    if special is not None:
        return special
    if word[0] in "-.0123456789eE":
        for kind, pattern in (("INTEGER", _INTEGER), ("HEX", _HEX), ("REAL", _REAL)):
            if pattern.fullmatch(word):
                return kind
    if len(word) <= 6 and (upper := word.upper()) in _KEYWORDS:
        return upper
    return "NAME"


def _until_sink_ends(stream: Iterator[Token]) -> Iterator[Token]:
    """Whatever follows the sink is ignored (spec C.1), even what is no token at all."""
    for token in stream:
        yield token
        if token.type == "INTO":
            break
    for count, token in enumerate(stream):
        yield token
        if count == 0 and token.type == "SYSTEM":
            return
        if count == 3:
            return
