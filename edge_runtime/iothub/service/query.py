"""Queries over twins, and the conditions of deployments (spec E.8; the grammar is `query.lark`).

What is not there compares with nothing: `tags.floor != 3` is false for a twin without `tags.floor`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError

from edge_runtime.iothub.service.errors import InvalidRequestError

Row = Mapping[str, Any]
Test = Callable[[Row], bool]
_MISSING = object()
DEVICES, MODULES = "devices", "devices.modules"
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KINDS: dict[str, tuple[type, ...]] = {
    "is_null": (type(None),),
    "is_bool": (bool,),
    "is_number": (int, float),
    "is_string": (str,),
    "is_object": (dict,),
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
}


@dataclass(frozen=True, slots=True)
class Path:
    """A property by its names, from the twin's root."""

    names: tuple[str, ...]

    def of(self, row: Row) -> Any:
        value: Any = row
        for name in self.names:
            if not isinstance(value, Mapping) or name not in value:
                return _MISSING
            value = value[name]
        return value


@dataclass(frozen=True, slots=True)
class Query:
    """`source` is `devices` or `devices.modules`; `columns` None for `*`, else name -> path, None for a count."""

    source: str
    columns: dict[str, Path | None] | None
    where: Test
    groups: tuple[Path, ...]

    def run(self, twins: Iterable[Row]) -> list[dict[str, Any]]:
        """The rows of the answer."""
        rows = [row for row in twins if self.where(row)]
        if self.columns is None:
            return [dict(row) for row in rows]
        if not self.groups and None not in self.columns.values():
            return [self._row(row, 1) for row in rows]
        groups: dict[str, list[Row]] = {} if self.groups else {"": rows}
        for row in rows if self.groups else ():
            groups.setdefault(repr([path.of(row) for path in self.groups]), []).append(row)
        return [self._row(members[0] if members else {}, len(members)) for members in groups.values()]

    def _row(self, row: Row, count: int) -> dict[str, Any]:
        columns = (self.columns or {}).items()
        values = {name: count if path is None else path.of(row) for name, path in columns}
        return {name: value for name, value in values.items() if value is not _MISSING}


def parse_query(text: Any) -> Query:
    """Raises InvalidRequestError with line and column."""
    query: Query = _parsed(text, "query")
    if query.source not in (DEVICES, MODULES):
        raise InvalidRequestError(f"FROM {query.source}: only {DEVICES} and {MODULES} can be asked here")
    if query.columns is None and query.groups:
        raise InvalidRequestError("GROUP BY: name the columns in place of *")
    return query


def target(condition: str) -> Test:
    """Which device twins a deployment is for: `*` means all, nothing means none. Raises InvalidRequestError."""
    if condition.strip() in ("", "*"):
        everything = condition.strip() == "*"
        return lambda _: everything
    test: Test = _parsed(condition, "condition")
    return test


def _parsed(text: Any, start: str) -> Any:
    if not isinstance(text, str):
        raise InvalidRequestError("a query is a text")
    try:
        tree = _parser().parse(text, start=start)
    except UnexpectedInput as error:
        where = f"line {error.line}, column {error.column}" if error.line > 0 else "at its end"
        raise InvalidRequestError(f"the query cannot be read {where}: {text[:200]!r}") from None
    try:
        return _Compiler().transform(tree)
    except VisitError as error:
        if isinstance(error.orig_exc, InvalidRequestError):
            raise error.orig_exc from None
        raise


@cache
def _parser() -> Lark:
    grammar = files(__package__).joinpath("query.lark").read_text()
    return Lark(grammar, parser="lalr", start=["query", "condition"], maybe_placeholders=True)


def _same_kind(left: Any, right: Any) -> bool:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (left, right))
    return numbers or type(left) is type(right)


def _compare(sign: str, left: Any, right: Any) -> bool:
    if left is _MISSING or right is _MISSING:
        return False
    if sign in ("=", "!=", "<>"):
        return (_same_kind(left, right) and bool(left == right)) == (sign == "=")
    comparable = (
        _same_kind(left, right) and isinstance(left, (int, float, str)) and not isinstance(left, bool)
    )
    return comparable and _ORDERED[sign](left, right)


def _value(operand: Any, row: Row) -> Any:
    return operand.of(row) if isinstance(operand, Path) else operand


def _call(name: str, values: list[Any]) -> bool:
    if name == "is_defined":
        return values[0] is not _MISSING
    if name in _KINDS:
        return isinstance(values[0], _KINDS[name]) and (name == "is_bool" or not isinstance(values[0], bool))
    return all(isinstance(value, str) for value in values) and _TEXTS[name](*values)


class _Compiler(Transformer[Token, Any]):
    """From the grammar's tree to functions of a row; the methods bear the names of its rules."""

    def query(self, parts: list[Any]) -> Query:
        columns, source, where, *groups = parts
        given = tuple(path for path in groups if path is not None)
        return Query(".".join(source.names), columns, where or (lambda _: True), given)

    def everything(self, _: list[Any]) -> None:
        return None

    def items(self, items: list[tuple[str, Path | None]]) -> dict[str, Path | None]:
        return dict(items)

    def column(self, parts: list[Any]) -> tuple[str, Path]:
        path, name = parts
        return str(name or path.names[-1]), path

    def count(self, parts: list[Any]) -> tuple[str, None]:
        return str(parts[0] or "count"), None

    def any_of(self, tests: list[Test]) -> Test:
        return lambda row: any(test(row) for test in tests)

    def all_of(self, tests: list[Test]) -> Test:
        return lambda row: all(test(row) for test in tests)

    def negated(self, tests: list[Test]) -> Test:
        return lambda row: not tests[0](row)

    def compared(self, parts: list[Any]) -> Test:
        left, sign, right = parts
        return lambda row: _compare(str(sign), _value(left, row), _value(right, row))

    def contained(self, operands: list[Any]) -> Test:
        left, *others = operands
        return lambda row: any(_compare("=", _value(left, row), _value(other, row)) for other in others)

    def not_contained(self, operands: list[Any]) -> Test:
        left, *others = operands
        return lambda row: all(_compare("!=", _value(left, row), _value(other, row)) for other in others)

    def called(self, parts: list[Any]) -> Test:
        name, *operands = parts
        function = str(name).lower()
        if len(operands) != (2 if function in _TEXTS else 1):
            raise InvalidRequestError(f"{function}: wrong number of arguments")
        return lambda row: _call(function, [_value(operand, row) for operand in operands])

    def truth(self, paths: list[Path]) -> Test:
        return lambda row: paths[0].of(row) is True

    def path(self, names: list[Token]) -> Path:
        return Path(tuple(str(name).removeprefix("[[").removesuffix("]]") for name in names))

    def text(self, tokens: list[Token]) -> str:
        return str(tokens[0])[1:-1].replace("''", "'")

    def number(self, tokens: list[Token]) -> float:
        return float(tokens[0])

    def yes(self, _: list[Any]) -> bool:
        return True

    def no(self, _: list[Any]) -> bool:
        return False

    def null(self, _: list[Any]) -> None:
        return None
