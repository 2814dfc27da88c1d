"""The ledger of facts, `facts.toml`: what clients of edgeHub, edgelet and IoT Hub rely on, and which test holds it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_name("facts.toml")
_ID = re.compile(r"(?P<section>[A-EG](?:\.\d+)?)-(?P<number>[1-9]\d*)(?P<part>[a-z]?)")
_KEYS = {"id", "says", "tests", "inapplicable", "open", "deviation"}


class LedgerError(ValueError):
    """The file cannot be read as a ledger; the message names the place."""


class State(StrEnum):
    """What is known of a fact."""

    HELD = "held"
    INAPPLICABLE = "inapplicable"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `deviation` says what this runtime does otherwise, on purpose."""

    id: str
    says: str
    tests: tuple[str, ...] = ()
    inapplicable: str = ""
    open: str = ""
    deviation: str = ""

    @property
    def section(self) -> str:
        """`B.3` of `B.3-4`."""
        return self.id.partition("-")[0]

    @property
    def states(self) -> list[State]:
        """One, when the fact is sound."""
        given = {State.HELD: self.tests, State.INAPPLICABLE: self.inapplicable, State.OPEN: self.open}
        return [state for state, reason in given.items() if reason]

    @property
    def state(self) -> State:
        return self.states[0]


@dataclass(frozen=True, slots=True)
class Ledger:
    """`counts`: section -> how many bullets and table rows it has; `most_open`: how many facts may be open."""

    facts: tuple[Fact, ...]
    counts: Mapping[str, int]
    most_open: int

    def of(self, state: State) -> list[Fact]:
        return [fact for fact in self.facts if fact.state is state]


def load(text: str) -> Ledger:
    """Raises LedgerError."""
    try:
        document = tomllib.loads(text)
        facts = tuple(_fact(entry) for entry in document["fact"])
        return Ledger(facts, dict(document["counts"]), int(document["most_open"]))
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LedgerError(f"{FACTS.name}: {error!r}") from error


def _fact(entry: dict[str, Any]) -> Fact:
    unknown = entry.keys() - _KEYS
    if unknown:
        raise LedgerError(f"{FACTS.name}: {entry.get('id')}: {sorted(unknown)} means nothing here")
    return Fact(**{**entry, "tests": tuple(entry.get("tests", ()))})


def mistakes(ledger: Ledger, collected: Collection[str]) -> list[str]:
    """All that is wrong: ids, their order and number, facts without a state or with two, tests that are not there.

    Args:
        ledger: as it was loaded.
        collected: node ids that pytest found, `file::test[parameters]`.
    """
    functions = {node.partition("[")[0] for node in collected}
    return [
        *_wrong_ids(ledger),
        *_wrong_states(ledger),
        *(
            f"{fact.id}: there is no test {node}"
            for fact in ledger.facts
            for node in fact.tests
            if node not in (collected if "[" in node else functions)
        ),
        *_too_many_open(ledger),
    ]


def _wrong_ids(ledger: Ledger) -> Iterator[str]:
    sections = list(dict.fromkeys(fact.section for fact in ledger.facts))
    if sections != list(ledger.counts):
        yield f"sections are {', '.join(sections)}; counts has {', '.join(ledger.counts)}"
    for section, count in ledger.counts.items():
        ids = [fact.id for fact in ledger.facts if fact.section == section]
        found = [match for match in map(_ID.fullmatch, ids) if match]
        yield from (
            f"{name}: no id, which is like B.3-4 or B.3-4a" for name in ids if not _ID.fullmatch(name)
        )
        yield from (
            f"{name}: the id is there {ids.count(name)} times"
            for name in sorted({n for n in ids if ids.count(n) > 1})
        )
        keys = [(int(match["number"]), match["part"]) for match in found]
        if keys != sorted(keys):
            yield f"{section}: the ids are not in order"
        numbers = {number for number, _ in keys}
        yield from (
            f"{section}-{number} is missing" for number in range(1, count + 1) if number not in numbers
        )
        yield from (
            f"{section}-{number}: the section has {count}" for number in sorted(numbers) if number > count
        )
        for number in sorted(numbers):
            parts = sorted({part for n, part in keys if n == number})
            if parts not in ([""], [chr(ord("a") + n) for n in range(len(parts))]) or parts == ["a"]:
                yield f"{section}-{number}: parts are a, b, ... without a gap, not {', '.join(map(repr, parts))}"


def _wrong_states(ledger: Ledger) -> Iterator[str]:
    for fact in ledger.facts:
        if len(fact.states) != 1:
            told = " and ".join(fact.states) or "nothing"
            yield f"{fact.id}: one of tests, inapplicable or open is needed, not {told}"
        if not fact.says.strip() or "\n" in fact.says:
            yield f"{fact.id}: says must be one line"
        if fact.deviation and fact.open:
            yield f"{fact.id}: a deviation is on purpose, and so not open"


def _too_many_open(ledger: Ledger) -> Iterator[str]:
    count = sum(bool(fact.open) for fact in ledger.facts)
    if count > ledger.most_open:
        yield f"{count} facts are open, more than most_open = {ledger.most_open}: it only ever falls"
