r"""JSON as Newtonsoft.Json 13 reads it, which is what edgeHub does with bodies (spec C.7).

Beyond JSON it takes comments, single quotes, unquoted names, trailing commas, `NaN`, `Infinity`,
`undefined`, hexadecimal and octal integers; the last of equal names wins; what follows the root is refused,
and so is nesting beyond 64 levels. Iterative, so that no body can exhaust the stack.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from edge_runtime.routing.values import UNDEFINED

MAX_DEPTH: Final = 64
_MAX_INTEGER_DIGITS: Final = 380

_SKIP: Final = re.compile(r"(?:\s+|/\*.*?\*/|//[^\r\n]*)*", re.DOTALL)
_STRING: Final = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES: Final = {
    "b": "\b",
    "t": "\t",
    "n": "\n",
    "f": "\f",
    "r": "\r",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "/": "/",
}
_NAME: Final = re.compile(r"[\w$]+")
_NUMBER: Final = re.compile(r"[-+.0-9a-fA-FxX]+")
_FLOAT: Final = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD: Final = re.compile(r"-?[A-Za-z]+")
_WORDS: Final = {
    "true": True,
    "false": False,
    "null": None,
    "undefined": UNDEFINED,
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
}
_BRACKETS: Final = re.compile(
    # Whatever does not end is taken to the end of the text, or a body of quotes would cost square time.
    r'"(?:[^"\\]|\\.)*"?|\'(?:[^\'\\]|\\.)*\'?|/\*.*?(?:\*/|\Z)|//[^\r\n]*|[\[\]{}]',
    re.DOTALL,
)


class LenientJsonError(ValueError):
    """Text that even Newtonsoft does not take for one JSON object; the message says why and where."""


def nests_too_deep(text: str) -> bool:
    """Whether brackets outside strings and comments nest beyond what Newtonsoft takes."""
    depth = 0
    for match in _BRACKETS.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif match[0] in "]}":
            depth -= 1
    return False


def parse_object(text: str) -> dict[str, Any]:
    """The root object: dict, list, str, float, bool, None, and `UNDEFINED` for the word `undefined`.

    Raises LenientJsonError.
    """
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._open: list[dict[str, Any] | list[Any]] = []

    def document(self) -> dict[str, Any]:
        root: dict[str, Any] = {}
        if self._peek() != "{":
            raise self._error("no object begins here")
        self._position += 1
        self._open.append(root)
        while self._open:
            container = self._open[-1]
            if isinstance(container, dict):
                self._member(container)
            else:
                self._element(container)
        if self._peek():
            raise self._error("text follows the object")
        return root

    def _member(self, container: dict[str, Any]) -> None:
        if self._peek() == "}":
            self._close()
            return
        name = self._name()
        if self._peek() != ":":
            raise self._error("a colon is missing")
        self._position += 1
        container[name] = self._value()

    def _element(self, container: list[Any]) -> None:
        if self._peek() == "]":
            self._close()
        else:
            container.append(self._value())

    def _close(self) -> None:
        self._position += 1
        self._open.pop()
        self._separator()

    def _separator(self) -> None:
        """Pass the comma after a value; a closing bracket stays for its container."""
        if not self._open:
            return
        closing = "}" if isinstance(self._open[-1], dict) else "]"
        following = self._peek()
        if following == ",":
            self._position += 1
        elif following != closing:
            raise self._error(f"a comma or {closing} is missing")

    def _value(self) -> object:
        first = self._peek()
        if first in ("{", "["):
            self._position += 1
            container: dict[str, Any] | list[Any] = {} if first == "{" else []
            if len(self._open) == MAX_DEPTH:
                raise self._error("it nests deeper than 64 levels")
            self._open.append(container)
            return container
        value = self._scalar(first)
        self._separator()
        return value

    def _scalar(self, first: str) -> object:
        if first == ",":
            return UNDEFINED
        if first in _STRING:
            return self._string(first)
        word = _WORD.match(self._text, self._position)
        if word is not None:
            if word[0] not in _WORDS:
                raise self._error(f"{word[0]} is no value")
            self._position = word.end()
            return _WORDS[word[0]]
        return self._number()

    def _name(self) -> str:
        first = self._peek()
        if first in _STRING:
            return self._string(first)
        name = _NAME.match(self._text, self._position)
        if name is None:
            raise self._error("a name is missing")
        self._position = name.end()
        return name[0]

    def _string(self, quote: str) -> str:
        match = _STRING[quote].match(self._text, self._position)
        if match is None:
            raise self._error("a string does not end")
        start, self._position = self._position, match.end()
        if "\\" not in match[1]:
            return match[1]
        try:
            plain = _ESCAPE.sub(lambda escape: _unescape(escape[1]), match[1])
        except KeyError:
            self._position = start
            raise self._error("a string has an unknown escape") from None
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _number(self) -> float:
        match = _NUMBER.match(self._text, self._position)
        number = None if match is None or match[0][0] not in "-.0123456789" else _number(match[0])
        if match is None or number is None:
            raise self._error("a value is missing or malformed")
        self._position = match.end()
        return number

    def _peek(self) -> str:
        """The next character that is neither blank nor comment; empty at the end."""
        blank = _SKIP.match(self._text, self._position)
        if blank is not None:
            self._position = blank.end()
        return self._text[self._position : self._position + 1]

    def _error(self, reason: str) -> LenientJsonError:
        line = self._text.count("\n", 0, self._position) + 1
        column = self._position - self._text.rfind("\n", 0, self._position)
        return LenientJsonError(f"{reason} (line {line}, column {column})")


def _unescape(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 5 else _ESCAPES[escape]


def _number(token: str) -> float | None:
    """The number that a token stands for, None when it stands for none."""
    if token[0] == "0" and len(token) > 1 and token[1] not in ".eE":
        digits, base = (token[2:], 16) if token[1] in "xX" else (token, 8)
        try:
            return float(int(digits, base)) if len(digits) <= 22 else None
        except ValueError:
            return None
    if not _FLOAT.fullmatch(token):
        return None
    if token.lstrip("-").isdigit() and len(token) > _MAX_INTEGER_DIGITS:
        return None
    return float(token)
