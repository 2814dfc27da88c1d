"""What is wrong with a solution's files, where, and how to mend it.

ManifestError   the files cannot be used at all; carries every `Problem` found so far
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """An ERROR breaks a deployment or a start; a WARNING is legal but likely not meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding, of the catalogue (rules.py, route_rules.py); `id` is its name for people and programs."""

    severity: Severity
    id: str
    finds: str
    why: str
    mend: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `line` and `column` count from 1, in characters; `what` never holds a variable's value."""

    rule: Rule
    file: Path
    line: int
    column: int
    what: str
    mend: str

    @property
    def severity(self) -> Severity:
        """That of the rule."""
        return self.rule.severity

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what} ({self.mend})"


class ManifestError(Exception):
    """Raised when no manifest can be made from the files, or when strictness was asked for."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
