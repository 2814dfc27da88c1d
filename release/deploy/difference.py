"""What changes on a device: two states of its desired sections, compared value by value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from release.deploy.content import AGENT, HUB, Sections, comparable, modules_of


class Kind(StrEnum):
    """What happens to a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One value. `subject`: `[system ]module NAME`, `twin of NAME`, `route NAME`, `edgeAgent` or `edgeHub`.

    `path` leads to the value inside the subject; it is empty when the subject itself comes or goes, and then `now` or
    `after` is the whole of it. Values are not masked.
    """

    kind: Kind
    subject: str
    path: tuple[str, ...]
    now: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """`removed`: the modules that end because the new deployment does not name them."""

    changes: tuple[Change, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changes)


_MISSING = object()


def compare(now: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> Difference:
    """From what a device has now to what it is to have; twins of modules that end go with them."""
    old, new = comparable(now), comparable(after)
    removed = tuple(sorted(modules_of(old).keys() - modules_of(new).keys()))
    changes = [
        *_each("module", modules_of(old), modules_of(new)),
        *_each("system module", _within(old, AGENT, "systemModules"), _within(new, AGENT, "systemModules")),
        *_inside("edgeAgent", (), _rest(old, AGENT), _rest(new, AGENT)),
        *_each("route", _within(old, HUB, "routes"), _within(new, HUB, "routes")),
        *_inside("edgeHub", (), _rest(old, HUB), _rest(new, HUB)),
    ]
    for module in sorted((old.keys() | new.keys()) - {AGENT, HUB, *removed}):
        # A module that the deployment does not give a section keeps its own.
        if module in new:
            changes += _inside(f"twin of {module}", (), old.get(module, {}), new[module])
    return Difference(tuple(changes), removed)


def _each(noun: str, now: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(now.keys() | after.keys()):
        yield from _value(f"{noun} {name}", (), now.get(name, _MISSING), after.get(name, _MISSING))


def _inside(
    subject: str, path: tuple[str, ...], now: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Change]:
    for name in sorted(now.keys() | after.keys()):
        yield from _value(subject, (*path, name), now.get(name, _MISSING), after.get(name, _MISSING))


def _value(subject: str, path: tuple[str, ...], now: Any, after: Any) -> Iterator[Change]:
    if isinstance(now, dict) and isinstance(after, dict):
        yield from _inside(subject, path, now, after)
    elif now is _MISSING:
        yield Change(Kind.ADDED, subject, path, None, after)
    elif after is _MISSING:
        yield Change(Kind.REMOVED, subject, path, now, None)
    elif type(now) is not type(after) or now != after:
        yield Change(Kind.CHANGED, subject, path, now, after)


def _within(sections: Sections, module: str, name: str) -> dict[str, Any]:
    value = sections.get(module, {}).get(name)
    return value if isinstance(value, dict) else {}


def _rest(sections: Sections, module: str) -> dict[str, Any]:
    shown = {AGENT: ("modules", "systemModules"), HUB: ("routes",)}[module]
    return {name: value for name, value in sections.get(module, {}).items() if name not in shown}
