"""A strict JSON reader that remembers where everything stands.

The standard library's reader gives the place of a syntax error but not of a value, so a finding in a
parsed document could not say its line. Accepts exactly what `json.loads` accepts, but refuses NaN and
Infinity (no JSON, and IoT Hub refuses them) and notes member names given twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_DEEPEST = 200

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """One JSON value. `start`, `end` and `key` (the member's name) are offsets in the text."""

    value: dict[str, Node] | list[Node] | str | int | float | bool | None
    start: int
    end: int
    key: int | None = None

    @property
    def members(self) -> dict[str, Node]:
        """The object's members; nothing for any other kind of value."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def text(self) -> str | None:
        """The string, None for any other kind of value."""
        return self.value if isinstance(self.value, str) else None

    def get(self, *path: str | int) -> Node | None:
        """The value at a path, None when there is none."""
        node, rest = self.nearest(path)
        return None if rest else node

    def nearest(self, path: Path) -> tuple[Node, Path]:
        """The deepest value on a path, and what of the path is not there."""
        node = self
        for depth, step in enumerate(path):
            child = None
            if isinstance(node.value, dict) and isinstance(step, str):
                child = node.value.get(step)
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                child = node.value[step]
            if child is None:
                return node, path[depth:]
            node = child
        return node, ()

    def plain(self) -> Any:
        """The value as `json.loads` gives it."""
        if isinstance(self.value, dict):
            return {name: member.plain() for name, member in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


class JsonSyntaxError(ValueError):
    """Not JSON; `offset` is where the reader gave up."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what)
        self.offset = offset


@dataclass(slots=True)
class Reading:
    """A parsed text: its root, and each name that an object has more than once, with the name's offset."""

    root: Node
    repeated: list[tuple[str, int]] = field(default_factory=list)


def read(text: str) -> Reading:
    """Parse one JSON text. Raises JsonSyntaxError."""
    reader = _Reader(text)
    root = reader.value(reader.skip(0), 0)
    end = reader.skip(root.end)
    if end != len(text):
        raise JsonSyntaxError("something follows the end of the document", end)
    return Reading(root, reader.repeated)


def offset_in_string(text: str, node: Node, index: int) -> int:
    """The offset in the text of character `index` of a string value, escapes taken into account."""
    offset = node.start + 1
    for _ in range(index):
        escape = _ESCAPE.match(text, offset)
        offset = escape.end() if escape else offset + 1
    return min(offset, node.end - 1)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.repeated: list[tuple[str, int]] = []

    def skip(self, offset: int) -> int:
        blank = _BLANK.match(self.text, offset)
        return blank.end() if blank else offset

    def value(self, start: int, depth: int) -> Node:
        if depth > _DEEPEST:
            raise JsonSyntaxError(f"nested deeper than {_DEEPEST} levels", start)
        head = self.text[start : start + 1]
        if head == "{":
            return self._object(start, depth)
        if head == "[":
            return self._array(start, depth)
        if head == '"':
            return self._string(start)
        return self._scalar(start)

    def _string(self, start: int) -> Node:
        try:
            value, end = scanstring(self.text, start + 1, True)
        except JSONDecodeError as error:
            what = "a string has no end" if error.msg.startswith("Unterminated") else error.msg.lower()
            raise JsonSyntaxError(what.removesuffix(" at"), error.pos) from None
        return Node(value, start, end)

    def _scalar(self, start: int) -> Node:
        for word, value in _WORDS.items():
            if self.text.startswith(word, start):
                return Node(value, start, start + len(word))
        number = _NUMBER.match(self.text, start)
        if not number:
            raise JsonSyntaxError("a value is expected here", start)
        whole = not (number[1] or number[2])
        return Node(int(number[0]) if whole else float(number[0]), start, number.end())

    def _array(self, start: int, depth: int) -> Node:
        items: list[Node] = []
        offset = self.skip(start + 1)
        if self.text.startswith("]", offset):
            return Node(items, start, offset + 1)
        while True:
            items.append(self.value(offset, depth + 1))
            offset = self.skip(items[-1].end)
            if self.text.startswith("]", offset):
                return Node(items, start, offset + 1)
            offset = self._comma(offset, "]")

    def _object(self, start: int, depth: int) -> Node:
        members: dict[str, Node] = {}
        offset = self.skip(start + 1)
        if self.text.startswith("}", offset):
            return Node(members, start, offset + 1)
        while True:
            name, member = self._member(offset, depth)
            if name in members:
                self.repeated.append((name, offset))
            members[name] = member
            offset = self.skip(member.end)
            if self.text.startswith("}", offset):
                return Node(members, start, offset + 1)
            offset = self._comma(offset, "}")

    def _member(self, offset: int, depth: int) -> tuple[str, Node]:
        if not self.text.startswith('"', offset):
            raise JsonSyntaxError("a name in double quotes is expected here", offset)
        name = self._string(offset)
        colon = self.skip(name.end)
        if not self.text.startswith(":", colon):
            raise JsonSyntaxError(f"a colon is expected after the name {name.value!r}", colon)
        member = self.value(self.skip(colon + 1), depth + 1)
        member.key = offset
        return str(name.value), member

    def _comma(self, offset: int, closing: str) -> int:
        if not self.text.startswith(",", offset):
            raise JsonSyntaxError(f"a comma or {closing!r} is expected here", offset)
        after = self.skip(offset + 1)
        if self.text.startswith(closing, after):
            raise JsonSyntaxError(f"a comma stands before {closing!r}", offset)
        return after
