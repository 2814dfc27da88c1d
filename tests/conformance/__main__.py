"""`python -m tests.conformance [--json]`: how many facts are held in each section, and what is missing for the rest."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tests.conformance.ledger import FACTS, Ledger, LedgerError, State, load


def main() -> int:
    """0, or 1 when the ledger cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--json", action="store_true", help="all facts with their state, one document")
    arguments = parser.parse_args()
    try:
        ledger = load(FACTS.read_text())
    except LedgerError as error:
        Console(stderr=True).print(str(error), markup=False)
        return 1
    if arguments.json:
        facts = [{**asdict(fact), "state": fact.state} for fact in ledger.facts]
        json.dump({"most_open": ledger.most_open, "facts": facts}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        console = Console()
        console.print(_open(ledger))
        console.print(_sections(ledger))
    return 0


def _open(ledger: Ledger) -> Table:
    table = Table(title="Open facts", title_justify="left")
    for heading in ("id", "fact", "what is missing"):
        table.add_column(heading, overflow="fold")
    for fact in ledger.of(State.OPEN):
        table.add_row(fact.id, _plain(fact.says), _plain(fact.open))
    return table


def _sections(ledger: Ledger) -> Table:
    table = Table(title="Sections", title_justify="left")
    table.add_column("section")
    for heading in (*State, "deviations"):
        table.add_column(heading, justify="right")
    letters = dict.fromkeys(section[0] for section in ledger.counts)
    for letter in (*letters, ""):
        facts = [fact for fact in ledger.facts if fact.id.startswith(letter)]
        numbers = [sum(fact.state is state for fact in facts) for state in State]
        deviations = sum(bool(fact.deviation) for fact in facts)
        table.add_row(letter or "all", *map(str, numbers), str(deviations))
    return table


def _plain(text: str) -> str:
    """Rich reads square brackets as markup."""
    return text.replace("[", r"\[")


if __name__ == "__main__":
    sys.exit(main())
