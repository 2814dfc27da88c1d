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
class Problem:
    """One finding. `line` and `column` count from 1, in characters; `what` never holds a variable's value."""

    severity: Severity
    file: Path
    line: int
    column: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what} ({self.mend})"


class ManifestError(Exception):
    """Raised when no manifest can be made from the files, or when strictness was asked for."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
