"""Values of the route language, static types, and comparison as .NET does it (spec C.4, C.5, C.7).

At run time a value is: bool, float, str, None (a property that was sent without a value), `UNDEFINED`,
`BodyNull.NULL` (JSON null) or `BodyNull.MISSING` (no such path in the body). NaN never occurs: whoever
computes it answers `UNDEFINED`.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Final


class Undefined(Enum):
    """The type of `UNDEFINED`, the third truth value."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED


class BodyNull(Enum):
    """The two nulls of a body. They compare as equals; only `is_null` tells them apart (spec C.7)."""

    NULL = "null"
    MISSING = "missing"


Value = bool | float | str | None | Undefined | BodyNull


class Type(Enum):
    """Static type of an expression, known when the condition is compiled."""

    BOOL = "bool"
    NUMBER = "number"
    STRING = "string"
    NULL = "null"
    UNDEFINED = "undefined"
    BODY = "body value"
    INVALID = "invalid"


def defined_number(number: float) -> float | Undefined:
    """The number, or `UNDEFINED` for NaN."""
    return number if number == number else UNDEFINED  # noqa: PLR0124 - only NaN differs from itself


def finite_number(number: float) -> float | Undefined:
    """The number, or `UNDEFINED` when text overflowed while it was read (spec C.3) or said NaN."""
    return number if math.isfinite(number) else UNDEFINED


def fold(name: str) -> str:
    """A name for comparison without case, one character at a time as .NET's ordinal comparison."""
    if name.isascii():
        return name.upper()
    return "".join(up if len(up := character.upper()) == 1 else character for character in name)


def order_strings(left: str, right: str) -> int:
    """Ordinal order of UTF-16 code units: negative, 0 or positive."""
    if left == right:
        return 0
    if left.isascii() or right.isascii():
        return -1 if left < right else 1
    return -1 if _code_units(left) < _code_units(right) else 1


def _code_units(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _rank(value: Value) -> int:
    if isinstance(value, bool):
        return 1
    if isinstance(value, float):
        return 2
    return 4 if isinstance(value, BodyNull) else 3


def order_body_values(left: Value, right: Value) -> int:
    """Order of two defined values without conversion: bool < number < string < null (spec C.7)."""
    rank = _rank(left)
    if rank != (other := _rank(right)):
        return rank - other
    if rank == 3:
        if left is None or right is None:
            return (left is not None) - (right is not None)
        return order_strings(str(left), str(right))
    if rank == 4:
        return 0
    return (left > right) - (left < right)  # type: ignore[operator]  # both bool or both float
