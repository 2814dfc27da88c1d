"""What came of trying mutants, counted and shown."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Finding:
    """A mutant that did what must not be."""

    number: int
    kind: str
    what: str


@dataclass(slots=True)
class Findings:
    """Outcome -> count in all and per kind of mutation; what must not be; and the time it took (seconds)."""

    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[str, int] = field(default_factory=dict)
    """Outcome -> number of a mutant that had it."""
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def tried(self) -> int:
        return self.outcomes.total()

    def add(self, number: int, kind: str, outcome: str) -> None:
        self.outcomes[outcome] += 1
        self.examples.setdefault(outcome, number)
        self.kinds.setdefault(kind, Counter())[outcome] += 1


def document(results: Findings, seed: int) -> dict[str, object]:
    """For programs."""
    return {
        "seed": seed,
        "count": results.tried,
        "seconds": round(results.seconds, 1),
        "outcomes": dict(results.outcomes),
        "examples": results.examples,
        "kinds": {kind: dict(counts) for kind, counts in results.kinds.items()},
        "findings": [
            {"number": finding.number, "kind": finding.kind, "what": finding.what}
            for finding in results.findings
        ],
    }


def tell(results: Findings, title: str, seed: int, again: str, *, as_json: bool) -> int:
    """Print all; the exit code. `again` is the command that makes one mutant again, less its number."""
    if as_json:
        sys.stdout.write(json.dumps(document(results, seed)) + "\n")
    else:
        _show(results, f"{title}, seed {seed}")
    for finding in results.findings:
        sys.stderr.write(
            f"\n{finding.kind}, again with: {again} --number {finding.number}\n{finding.what.rstrip()}\n"
        )
    return 1 if results.findings else 0


def _show(results: Findings, title: str) -> None:
    table = Table("outcome", "mutants", "most of", "--number", title=title)
    for outcome, mutants in sorted(results.outcomes.items()):
        most = max(results.kinds, key=lambda kind: results.kinds[kind][outcome])
        table.add_row(outcome, str(mutants), most, str(results.examples[outcome]))
    Console(width=110).print(table)
    sys.stdout.write(
        f"{results.tried} mutants in {results.seconds:.0f} s, {len(results.findings)} findings\n"
    )
