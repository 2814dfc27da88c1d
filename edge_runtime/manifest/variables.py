"""Textual replacement of `$NAME` and `${NAME}`, as iotedgedev does it (spec F.4).

The replacement happens before the text is JSON, values are not expanded again, and a name without a
value stays as it is written. One knowing difference: `$edgeHub`, `$edgeAgent`, `$upstream`,
`$schema-template` and `$schema-version` are never variables, even when one of that name is set.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII)
_NEVER = frozenset({"edgeHub", "edgeAgent", "upstream", "schema"})
_PLACEHOLDER = re.compile(r"MODULES\.|MODULEDIR<")


@dataclass(frozen=True, slots=True)
class Reference:
    """A `$NAME` or `${NAME}`: its `offset` in the original text, and in the new text (`expanded`)."""

    name: str
    braced: bool
    offset: int
    expanded: int


@dataclass(frozen=True, slots=True)
class Expansion:
    """The text after replacement, with the way back to the text before."""

    source: str
    text: str
    undefined: tuple[Reference, ...]
    replaced: tuple[Reference, ...]
    _starts: tuple[int, ...]
    _pieces: tuple[tuple[int, bool], ...]

    def origin(self, offset: int) -> int:
        """The offset in the source of an offset in the text; inside a value, where its reference starts."""
        index = bisect_right(self._starts, offset) - 1
        source, copied = self._pieces[index]
        return source + (offset - self._starts[index] if copied else 0)

    def variable_at(self, offset: int) -> str | None:
        """The name of the variable whose value holds this offset of the text."""
        index = bisect_right(self._starts, offset) - 1
        source, copied = self._pieces[index]
        return None if copied else next(r.name for r in self.replaced if r.offset == source)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column in the source, both from 1, of an offset in the text."""
        origin = self.origin(offset)
        before = self.source.rfind("\n", 0, origin)
        return self.source.count("\n", 0, origin) + 1, origin - before


def references(text: str) -> Iterator[str]:
    """The names of the variables that a text refers to."""
    for match in _REFERENCE.finditer(text):
        if match[1] not in _NEVER and not _PLACEHOLDER.match(match[2] or ""):
            yield match[1] or match[2] or ""


def literal(text: str) -> Expansion:
    """An expansion that changes nothing, for files that are taken as they are."""
    return Expansion(text, text, (), (), (0,), ((0, True),))


def expand(source: str, environment: Mapping[str, str]) -> Expansion:
    """Replace what `environment` defines; note what it does not (module placeholders are no variables)."""
    parts: list[str] = []
    starts: list[int] = [0]
    pieces: list[tuple[int, bool]] = [(0, True)]
    undefined: list[Reference] = []
    replaced: list[Reference] = []
    done = length = 0
    for match in _REFERENCE.finditer(source):
        name = match[1] or match[2] or ""
        if (match[1] in _NEVER) or _PLACEHOLDER.match(name):
            continue
        reference = Reference(name, match[1] is None, match.start(), length + match.start() - done)
        value = environment.get(name)
        if value is None:
            undefined.append(reference)
            continue
        parts += source[done : match.start()], value
        starts += reference.expanded, reference.expanded + len(value)
        pieces += (match.start(), False), (match.end(), True)
        done, length = match.end(), reference.expanded + len(value)
        replaced.append(reference)
    parts.append(source[done:])
    return Expansion(source, "".join(parts), tuple(undefined), tuple(replaced), tuple(starts), tuple(pieces))
