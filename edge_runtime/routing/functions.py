"""The functions of the route language (spec C.8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from edge_runtime.routing import strings
from edge_runtime.routing.message import Context, Evaluate
from edge_runtime.routing.values import UNDEFINED, BodyNull, Type, Value, defined_number

NUMBER: Final = Type.NUMBER
STRING: Final = Type.STRING


class Signature(NamedTuple):
    """One way to call a function. A body value fits every parameter.

    `rest` is the type of any number of further arguments. `compute` gets values of exactly the parameters'
    types; anything else at run time makes the result undefined, except that `nullable` lets a property
    without a value through, as None.
    """

    parameters: tuple[Type, ...]
    result: Type
    compute: Callable[..., Value]
    rest: Type | None = None
    nullable: bool = False

    def fits(self, arguments: list[Type]) -> bool:
        """Whether arguments of these static types can be given."""
        count = len(self.parameters)
        if len(arguments) < count or (len(arguments) > count and self.rest is None):
            return False
        expected = (*self.parameters, *([self.rest] * (len(arguments) - count)))
        return all(given in (Type.BODY, wanted) for given, wanted in zip(arguments, expected, strict=True))

    def __str__(self) -> str:
        names = [parameter.value for parameter in self.parameters]
        return "(" + ", ".join([*names, "..."] if self.rest else names) + ")"


def _guarded(compute: Callable[[float], float]) -> Callable[[float], Value]:
    """A function of numbers that answers as IEEE 754 does where Python's raises."""

    def guarded(number: float) -> Value:
        try:
            return defined_number(float(compute(number)))
        except OverflowError:
            return math.inf
        except ValueError:
            return UNDEFINED

    return guarded


def _whole(compute: Callable[[float], int]) -> Callable[[float], float]:
    return lambda number: number if math.isinf(number) else float(compute(number))


def _power(base: float, exponent: float) -> Value:
    odd = exponent % 2 == 1
    try:
        return defined_number(math.pow(base, exponent))
    except OverflowError:
        return -math.inf if base < 0 and odd else math.inf
    except ValueError:
        if base != 0:
            return UNDEFINED
        return -math.inf if odd and math.copysign(1.0, base) < 0 else math.inf


def _concat(*parts: str | None) -> Value:
    return "".join(part or "" for part in parts)


def _arithmetic(compute: Callable[[float], float]) -> list[Signature]:
    return [Signature((NUMBER,), NUMBER, _guarded(compute))]


def _text_test(compute: Callable[[str, str], bool]) -> list[Signature]:
    return [Signature((STRING, STRING), Type.BOOL, compute)]


CONCAT: Final = Signature((STRING, STRING), STRING, _concat, rest=STRING, nullable=True)

SIGNATURES: Final[dict[str, list[Signature]]] = {
    "abs": _arithmetic(abs),
    "exp": _arithmetic(math.exp),
    "square": _arithmetic(lambda number: number * number),
    "ceiling": _arithmetic(_whole(math.ceil)),
    "floor": _arithmetic(_whole(math.floor)),
    "sign": _arithmetic(lambda number: (number > 0) - (number < 0)),
    "sqrt": _arithmetic(math.sqrt),
    "power": [Signature((NUMBER, NUMBER), NUMBER, _power)],
    "concat": [CONCAT],
    "length": [Signature((STRING,), NUMBER, strings.length)],
    "lower": [Signature((STRING,), STRING, strings.lower)],
    "upper": [Signature((STRING,), STRING, strings.upper)],
    "substring": [
        Signature((STRING, NUMBER), STRING, strings.substring),
        Signature((STRING, NUMBER, NUMBER), STRING, strings.substring),
    ],
    "index_of": [Signature((STRING, STRING), NUMBER, strings.index_of)],
    "starts_with": _text_test(str.startswith),
    "ends_with": _text_test(str.endswith),
    "contains": _text_test(str.__contains__),
}


def apply(signature: Signature, arguments: list[Evaluate]) -> Evaluate:
    """The call as a closure."""
    compute = signature.compute
    kinds: list[Any] = [float if parameter is NUMBER else str for parameter in signature.parameters]
    kinds += [str] * (len(arguments) - len(kinds))
    nullable = signature.nullable
    if len(arguments) == 1:
        return _apply_one(compute, arguments[0], kinds[0])
    typed = list(zip(arguments, kinds, strict=True))

    def evaluate(context: Context) -> Value:
        values = []
        for argument, kind in typed:
            value = argument(context)
            if not isinstance(value, kind) and not (nullable and value is None):
                return UNDEFINED
            values.append(value)
        return compute(*values)

    return evaluate


def _apply_one(compute: Callable[..., Value], argument: Evaluate, kind: type) -> Evaluate:
    def evaluate(context: Context) -> Value:
        value = argument(context)
        return compute(value) if isinstance(value, kind) else UNDEFINED

    return evaluate


def as_number(argument: Evaluate) -> Evaluate:
    """`as_number` of text; a number stays itself."""

    def evaluate(context: Context) -> Value:
        value = argument(context)
        if isinstance(value, str):
            return strings.number(value)
        return value if isinstance(value, float) else UNDEFINED

    return evaluate


def _is_number(value: Value) -> Value:
    return isinstance(value, float) and math.isfinite(value)


def _is_null(value: Value) -> Value:
    if isinstance(value, str):
        return False
    return value is None or value is BodyNull.NULL


def _is_null_in_body(value: Value) -> Value:
    # Inverted in effect, as in edgeHub: every value that is there counts as null, a missing one does not.
    return UNDEFINED if value is UNDEFINED else value is not BodyNull.MISSING


def predicate(name: str, operand: Type, argument: Evaluate) -> Evaluate | None:
    """`is_bool`, `is_number`, `is_string`, `is_null`, `is_defined` of one operand; None for another name."""
    if name == "is_defined":
        return lambda context: argument(context) is not UNDEFINED
    tests: dict[str, tuple[Type, Callable[[Value], Value]]] = {
        "is_bool": (Type.BOOL, lambda value: isinstance(value, bool)),
        "is_number": (NUMBER, _is_number),
        "is_string": (STRING, lambda value: isinstance(value, str)),
        "is_null": (operand, _is_null_in_body if operand is Type.BODY else _is_null),
    }
    if name not in tests:
        return None
    wanted, test = tests[name]
    if operand not in (wanted, Type.BODY):
        return lambda _: False
    return lambda context: test(argument(context))


PREDICATES: Final = frozenset({"is_bool", "is_number", "is_string", "is_null", "is_defined"})
NAMES: Final = frozenset(SIGNATURES) | PREDICATES | {"as_number"}
