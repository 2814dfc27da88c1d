r"""Body queries: `$body.name[0].name` (spec C.7).

A body can be asked only when the sender declared it: contentType `application/json`, contentEncoding
`utf-8`, `utf-16` or `utf-32`, and a JSON object as root. Nothing here raises for any bytes.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from edge_runtime.routing.lenient_json import LenientJsonError, nests_too_deep, parse_object
from edge_runtime.routing.values import UNDEFINED, BodyNull, Undefined, Value, finite_number

Path = tuple[str | int, ...]

CONTENT_TYPE: Final = "application/json"
# .NET's Encoding.Unicode and Encoding.UTF32 are little-endian and keep a byte order mark as a character.
ENCODINGS: Final = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}

_SEGMENT: Final = re.compile(r'([^()<>@,;:\\"/\[\]?={}.\t\n\r]+)((?:\[[0-9]+\])*)')
_INDEX: Final = re.compile(r"[0-9]+")
_MAX_INDEX: Final = 2**31 - 1
_MAX_PLAIN_BRACKETS: Final = 64

# Newtonsoft turns strings of these forms into dates, which no condition can look at.
_DATE: Final = re.compile(
    r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,7})?|24:00:00(?:\.0{1,7})?)"
    r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
    r"|/Date\(-?[0-9]+(?:[+-][0-9]{4})?\)/"
)


class PathError(ValueError):
    """A body path that the language does not have; the message says which part."""


def parse_path(text: str) -> Path:
    """Split `name[0].name` into `("name", 0, "name")`. Raises PathError."""
    if not text:
        raise PathError("a body path needs a name after $body.")
    path: list[str | int] = []
    for segment in text.split("."):
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            what = f'"{segment}" is' if segment else "an empty name is"
            raise PathError(f"{what} no part of a body path")
        if _INDEX.fullmatch(match[1]):
            raise PathError(f'"{segment}" is a number where a name is needed')
        path.append(match[1])
        path.extend(int(index) for index in _INDEX.findall(match[2]))
    return tuple(path)


class Body:
    """The body of one message, parsed when the first query comes."""

    __slots__ = ("_codec", "_content", "_parsed", "_reason", "_root")

    def __init__(
        self, content: bytes, *, content_type: str | Undefined | None, encoding: str | Undefined | None
    ) -> None:
        self._content = content
        self._root: dict[str, Any] | None = None
        self._reason, self._codec = _declared(content_type, encoding)
        self._parsed = self._codec is None

    @property
    def ineligible(self) -> str | None:
        """Why no query finds anything in this body; None when it can be asked."""
        self._parse()
        return self._reason if self._root is None else None

    def value(self, path: Path) -> Value:
        """The scalar at `path`; `UNDEFINED` for objects, arrays and dates, and when the body is not eligible."""
        if not self._parsed:
            self._parse()
        found: Any = self._root
        if found is None:
            return UNDEFINED
        for part in path:
            if isinstance(part, str):
                if not isinstance(found, dict) or part not in found:
                    return BodyNull.MISSING
                found = found[part]
            else:
                if part > _MAX_INDEX:
                    return UNDEFINED
                if not isinstance(found, list) or part >= len(found):
                    return BodyNull.MISSING
                found = found[part]
        return _scalar(found)

    def _parse(self) -> None:
        if self._parsed or self._codec is None:
            return
        self._parsed = True
        try:
            self._root = _read(self._content.decode(self._codec, "replace"))
        except LenientJsonError as error:
            self._reason = f"the body is not a JSON object: {error}"


def _declared(
    content_type: str | Undefined | None, encoding: str | Undefined | None
) -> tuple[str, str | None]:
    """Why the body may not be asked, and the codec, None when it may not."""
    if not isinstance(content_type, str) or content_type.lower() != CONTENT_TYPE:
        return f"contentType is {_shown(content_type)}, not {CONTENT_TYPE}", None
    codec = ENCODINGS.get(encoding.lower()) if isinstance(encoding, str) else None
    if codec is None:
        return f"contentEncoding is {_shown(encoding)}, not utf-8, utf-16 or utf-32", None
    return "", codec


def _shown(value: str | Undefined | None) -> str:
    return f'"{value}"' if isinstance(value, str) else "not set"


def _read(text: str) -> dict[str, Any]:
    if text.count("[") + text.count("{") > _MAX_PLAIN_BRACKETS and nests_too_deep(text):
        raise LenientJsonError("it nests deeper than 64 levels")
    try:
        root = json.loads(text, parse_int=float, strict=False)
    except (ValueError, RecursionError):
        return parse_object(text)
    if not isinstance(root, dict):
        raise LenientJsonError("its root is no object")
    return root


def _scalar(found: object) -> Value:
    if isinstance(found, str):
        return UNDEFINED if found and found[-1] in "Zz/0123456789" and _DATE.fullmatch(found) else found
    if isinstance(found, bool):
        return found
    if isinstance(found, float):
        return finite_number(found)
    return BodyNull.NULL if found is None else UNDEFINED
