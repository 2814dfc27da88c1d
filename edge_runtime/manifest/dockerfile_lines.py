"""A Dockerfile as instructions: comments gone, continued lines joined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instruction:
    """`word` in upper case, the `rest` of its logical line, and the line that it starts on (from 1)."""

    word: str
    rest: str
    line: int


def instructions(text: str) -> Iterator[Instruction]:
    """Comment and blank lines are dropped even inside a continued instruction, as Docker does."""
    parts: list[str] = []
    started = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        started = started or number
        continued = line.endswith("\\")
        parts.append(line.removesuffix("\\").rstrip() if continued else line)
        if not continued:
            yield _instruction(parts, started)
            parts, started = [], 0
    if parts:
        yield _instruction(parts, started)


def _instruction(parts: list[str], line: int) -> Instruction:
    word, _, rest = " ".join(parts).partition(" ")
    return Instruction(word.upper(), rest.strip(), line)
