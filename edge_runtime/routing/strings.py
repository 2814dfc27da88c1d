"""Text functions on UTF-16 code units, which is what .NET counts (spec C.8)."""

from __future__ import annotations

import math
import re
from typing import Final

from edge_runtime.routing.values import UNDEFINED, Undefined, finite_number

_BLANK: Final = "\t\n\v\f\r "
_NUMBER: Final = re.compile(
    r"([+\-(])?((?:[0-9][0-9,]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([\t-\r +\-)]*)"
)
_ESCAPED_UNIT: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")
_ESCAPED_CHARACTER: Final = re.compile(r"""\\(["'\\])""")


def unquote(token: str) -> str:
    r"""The value of a string literal.

    Two passes, as edgeHub: what the first makes of `\uXXXX` is seen by the second.
    """
    if "\\" not in token:
        return token[1:-1]
    text = _ESCAPED_UNIT.sub(lambda match: chr(int(match[1], 16)), token[1:-1])
    text = _ESCAPED_CHARACTER.sub(r"\1", text)
    return _from_units(_units(text))


def length(text: str) -> float:
    """Number of UTF-16 code units."""
    return float(len(text) if text.isascii() else len(_units(text)) // 2)


def lower(text: str) -> str:
    """Lower case, character by character: never longer than the text, no final sigma."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def upper(text: str) -> str:
    """Upper case, character by character."""
    if text.isascii():
        return text.upper()
    return "".join(up if len(up := character.upper()) == 1 else character for character in text)


def index_of(text: str, part: str) -> float:
    """Position of the first occurrence, -1 when there is none, 0 for an empty part."""
    if text.isascii():
        return float(text.find(part))
    position = text.find(part)
    return float(position) if position < 0 else length(text[:position])


def substring(text: str, start: float, count: float | None = None) -> str | Undefined:
    """From `start` (0-based; fractions are cut off) to the end, or `count` long.

    Without a count `start` may equal the length; with one it may not. Outside of that: undefined.
    """
    size = length(text)
    if count is None:
        if not 0 <= start <= size:
            return UNDEFINED
        end = int(size)
    else:
        if not (0 <= start < size and 0 <= count <= size - start):
            return UNDEFINED
        end = int(start) + int(count)
    if text.isascii():
        return text[int(start) : end]
    return _from_units(_units(text)[2 * int(start) : 2 * end])


def number(text: str) -> float | Undefined:
    """A number in any of .NET's styles for the invariant culture.

    Blanks around it, a sign on either side, brackets for negative, commas between digits, a point, an
    exponent. No hex, no %, no currency.
    """
    text = text.strip(_BLANK)
    match = _NUMBER.fullmatch(text)
    if match is None:
        return _INFINITIES.get(text, UNDEFINED)
    before, digits, after = match[1], match[2], "".join(match[3].split())
    if after != ")" if before == "(" else after not in ("", "+", "-") or (before and after):
        return UNDEFINED
    value = finite_number(float(digits.replace(",", "")))
    if value is UNDEFINED:
        return UNDEFINED
    return -value if before in ("-", "(") or after == "-" else value


_INFINITIES: Final[dict[str, float | Undefined]] = {"Infinity": math.inf, "-Infinity": -math.inf}


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _from_units(units: bytes) -> str:
    return units.decode("utf-16-le", "surrogatepass")
