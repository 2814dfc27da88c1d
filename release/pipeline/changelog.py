"""CHANGELOG.md as keepachangelog.com lays it out: `## Unreleased`, then `## 1.2.0 - 2026-01-31`, the newest first."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from release.pipeline.version import VersionError, order

UNRELEASED = "Unreleased"
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Known limits")
_HEADING = re.compile(r"## \[?(?P<version>[^]\s]+)]?(?: - (?P<date>\S+))?\s*")


@dataclass(frozen=True, slots=True)
class Section:
    """What changed with a version; `date` is None for what is unreleased. `line` counts from 1."""

    version: str
    date: str | None
    line: int
    body: str


def sections(text: str) -> list[Section]:
    """Every section, in the file's order."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("## ")]
    found = []
    for start, end in pairwise([*starts, len(lines)]):
        heading = _HEADING.fullmatch(lines[start])
        version, date = (heading["version"], heading["date"]) if heading else (lines[start][3:], None)
        found.append(Section(version, date, start + 1, "\n".join(lines[start + 1 : end]).strip()))
    return found


def section(text: str, version: str) -> Section | None:
    """The section of a version, or of UNRELEASED."""
    return next((one for one in sections(text) if one.version == version), None)


def problems(text: str) -> Iterator[tuple[int, str]]:
    """What is wrong: line and message."""
    released = []
    for place, one in enumerate(sections(text)):
        if one.version == UNRELEASED:
            if place:
                yield one.line, f"{UNRELEASED} comes first"
        else:
            yield from _released(one)
            released.append(one)
        for offset, line in enumerate(one.body.splitlines()):
            if line.startswith("### ") and line[4:].strip() not in KINDS:
                yield one.line + offset + 2, f"{line[4:]!r} is none of {', '.join(KINDS)}"
    for newer, older in pairwise(released):
        try:
            if order(newer.version) <= order(older.version):
                yield older.line, f"{older.version} is not older than {newer.version} above it"
        except VersionError:
            pass  # told above


def _released(one: Section) -> Iterator[tuple[int, str]]:
    try:
        order(one.version)
    except VersionError as error:
        yield one.line, str(error)
    try:
        dt.date.fromisoformat(one.date or "")
    except ValueError:
        yield one.line, f"{one.version}: expected `## {one.version} - YYYY-MM-DD`"
    if not one.body:
        yield one.line, f"{one.version}: says nothing"
