"""Typed reading of a JSON document, with errors that name file, field, expected and actual."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from image_classifier.errors import BundleError


class Fields:
    """One JSON object of a document; every accessor raises `BundleError` that names the field."""

    def __init__(self, path: Path, value: Any, prefix: str = "") -> None:
        self._path = path
        self._prefix = prefix
        if not isinstance(value, dict):
            raise BundleError(
                path, "not an object", field=prefix or "document", expected="object", actual=value
            )
        self._values: dict[str, Any] = value

    def name(self, key: str) -> str:
        return f"{self._prefix}.{key}" if self._prefix else key

    def error(self, key: str, problem: str, expected: object, actual: object) -> BundleError:
        return BundleError(self._path, problem, field=self.name(key), expected=expected, actual=actual)

    def only(self, *known: str) -> None:
        """Refuse keys outside `known`: a misspelt key must not be ignored."""
        for key in self._values:
            if key not in known:
                raise self.error(key, "unknown field", " or ".join(known), key)

    def raw(self, key: str) -> Any:
        if key not in self._values:
            raise BundleError(self._path, "missing", field=self.name(key))
        return self._values[key]

    def text(self, key: str, pattern: str = r"(?s).+") -> str:
        value = self.raw(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise self.error(key, "not a valid text", pattern, value)
        return value

    def choice(self, key: str, *allowed: str) -> str:
        value = self.raw(key)
        if value not in allowed:
            raise self.error(key, "not one of the known values", " or ".join(allowed), value)
        return str(value)

    def integer(self, key: str, low: int, high: int) -> int:
        value = self.raw(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.error(key, "not a whole number in range", f"{low}..{high}", value)
        return value

    def number(self, key: str, low: float, high: float) -> float:
        return self._number(key, self.raw(key), low, high)

    def _number(self, key: str, value: Any, low: float, high: float) -> float:
        real = isinstance(value, (int, float)) and not isinstance(value, bool)
        # Written so that NaN fails too; `math.isfinite` would not take a whole number of 400 digits.
        if not real or not low <= value <= high:
            raise self.error(key, "not a number in range", f"{low}..{high}", value)
        return float(value)

    def numbers(self, key: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """`count` numbers, each within low..high."""
        values = self._array(key)
        if len(values) != count:
            raise self.error(key, "wrong length", count, len(values))
        return tuple(self._number(f"{key}[{i}]", value, low, high) for i, value in enumerate(values))

    def texts(self, key: str, longest: int) -> tuple[str, ...]:
        """Distinct non-empty texts of at most `longest` characters."""
        values = self._array(key)
        if not values:
            raise self.error(key, "is empty", "at least one text", values)
        for i, value in enumerate(values):
            if not isinstance(value, str) or not value.strip() or len(value) > longest:
                raise self.error(f"{key}[{i}]", "not a label", f"text of 1 to {longest} characters", value)
        if len(set(values)) != len(values):
            raise self.error(key, "has repeated entries", "distinct texts", values)
        return tuple(values)

    def shape(self, key: str) -> tuple[int, ...]:
        values = self._array(key)
        for i, value in enumerate(values):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise self.error(f"{key}[{i}]", "not a size", "whole number >= 1", value)
        return tuple(values)

    def object(self, key: str) -> Fields:
        return Fields(self._path, self.raw(key), self.name(key))

    def objects(self, key: str) -> Iterator[Fields]:
        for i, value in enumerate(self._array(key)):
            yield Fields(self._path, value, self.name(f"{key}[{i}]"))

    def mapping(self, key: str) -> dict[str, Any]:
        """The object at `key` as it is: for parts that people read and the code does not."""
        value: dict[str, Any] = self.raw(key)
        Fields(self._path, value, self.name(key))
        return value

    def _array(self, key: str) -> list[Any]:
        value = self.raw(key)
        if not isinstance(value, list):
            raise self.error(key, "not an array", "array", value)
        return value
