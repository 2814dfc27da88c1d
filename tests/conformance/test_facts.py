"""The ledger is whole: no fact without a test, a reason or a note, and no test that is not there."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conformance.ledger import FACTS, Fact, Ledger, LedgerError, State, load, mistakes

ROOT = Path(__file__).parents[2]
DEVIATIONS = ROOT / "docs" / "runtime.md"
NODE = "tests/a/test_b.py::test_c"


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return load(FACTS.read_text())


@pytest.fixture(scope="module")
def collected(ledger: Ledger) -> frozenset[str]:
    """What pytest finds in the files that the ledger names."""
    files = sorted({node.partition("::")[0] for fact in ledger.facts for node in fact.tests})
    there = [file for file in files if (ROOT / file).is_file()]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *there]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-4000:]
    return frozenset(line for line in found.stdout.splitlines() if "::" in line)


def test_the_ledger_is_whole(ledger: Ledger, collected: frozenset[str]) -> None:
    wrong = mistakes(ledger, collected)
    assert not wrong, "\n".join(wrong)


@cache
def docstrings(file: str) -> dict[str, str]:
    """Of the functions of a file."""
    functions = (
        node
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return {function.name: ast.get_docstring(function) or "" for function in functions}


def test_a_test_of_this_folder_names_the_facts_that_it_holds(ledger: Ledger) -> None:
    """So that who reads the test finds the fact, and who breaks it sees which."""
    unnamed = [
        f"{node} does not name {fact.id} in its docstring"
        for fact in ledger.facts
        for node in fact.tests
        for file, _, test in [node.partition("::")]
        if file.startswith("tests/conformance/")
        and not re.search(rf"{re.escape(fact.id)}\b", docstrings(file).get(test.partition("[")[0], ""))
    ]
    assert not unnamed, "\n".join(unnamed)


def test_every_deviation_is_told_to_users_and_no_other(ledger: Ledger) -> None:
    told = set(re.findall(r"`([A-G](?:\.\d+)?-\d+[a-z]?)`", DEVIATIONS.read_text()))
    assert told == {fact.id for fact in ledger.facts if fact.deviation}


def sound(*facts: Fact, most_open: int = 1, **counts: int) -> Ledger:
    return Ledger(facts, counts, most_open)


HELD = Fact("B-1", "x", tests=(NODE,))


@pytest.mark.parametrize(
    ("broken", "mistake"),
    [
        (sound(HELD, HELD, B=1), "B-1: the id is there 2 times"),
        (sound(HELD, B=2), "B-2 is missing"),
        (sound(HELD, Fact("B-2", "x", open="y"), B=1), "B-2: the section has 1"),
        (sound(Fact("B-2", "x", open="y"), HELD, B=2), "B: the ids are not in order"),
        (sound(Fact("B-01", "x", open="y"), B=1), "B-01: no id"),
        (sound(Fact("B-1a", "x", open="y"), B=1), "B-1: parts are"),
        (sound(Fact("B-1a", "x", open="y"), Fact("B-1c", "x", open="y"), B=1), "B-1: parts are"),
        (sound(HELD, Fact("B-1b", "x", open="y"), B=1), "B-1: parts are"),
        (sound(HELD, A=1), "sections are B; counts has A"),
        (sound(Fact("B-1", "x"), B=1), "B-1: one of tests, inapplicable or open is needed, not nothing"),
        (sound(Fact("B-1", "x", (NODE,), open="y"), B=1), "not held and open"),
        (sound(Fact("B-1", "x", ("tests/a/test_b.py::test_d",)), B=1), "B-1: there is no test"),
        (sound(Fact("B-1", "x", (NODE + "[2]",)), B=1), "B-1: there is no test"),
        (sound(Fact("B-1", " ", (NODE,)), B=1), "B-1: says must be one line"),
        (sound(Fact("B-1", "x", open="y", deviation="z"), B=1), "on purpose"),
        (sound(Fact("B-1", "x", open="y"), B=1, most_open=0), "1 facts are open, more than most_open = 0"),
    ],
)
def test_each_mistake_is_found(broken: Ledger, mistake: str) -> None:
    found = mistakes(broken, {NODE, NODE + "[1]"})
    assert any(mistake in line for line in found), found


@pytest.mark.parametrize(
    "ledger",
    [
        sound(HELD, B=1),
        sound(Fact("B-1", "x", (NODE + "[1]",)), B=1),
        sound(Fact("B.1-1a", "x", open="y"), Fact("B.1-1b", "x", inapplicable="z"), **{"B.1": 1}),
    ],
)
def test_a_sound_ledger_has_no_mistake(ledger: Ledger) -> None:
    assert mistakes(ledger, {NODE, NODE + "[1]"}) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "most_open = 1\n[counts]\n[[fact]]\nid = 'B-1'",
        "most_open = 1\n[counts]\n[[fact]]\nid = 'B-1'\nsays = 'x'\nopne = 'y'",
        "most_open = 1\nmost_open = 2",
    ],
)
def test_a_file_that_is_no_ledger_is_refused(text: str) -> None:
    with pytest.raises(LedgerError, match=r"facts\.toml"):
        load(text)


def test_the_command_shows_what_is_open(ledger: Ledger) -> None:
    command = [sys.executable, "-m", "tests.conformance"]
    table = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(fact.id in table for fact in ledger.of(State.OPEN))
    document = subprocess.run(
        [*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {fact["id"]: fact["state"] for fact in json.loads(document)["facts"]} == {
        fact.id: fact.state for fact in ledger.facts
    }
