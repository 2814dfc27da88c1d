"""No damage to the hub's store loses a message without a word; a loss that nobody told of would be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.hub import damage
from fuzzing.__main__ import main
from fuzzing.stores import CUT, INTACT, LESS, WHOLE, fuzz_stores


@pytest.mark.timeout(600)
def test_a_hundred_damaged_stores_keep_the_promise(tmp_path: Path) -> None:
    """A thousand others: `scripts/fuzz store`."""
    results = fuzz_stores(5, range(100), tmp_path)
    assert not results.findings, f"scripts/fuzz store --seed 5 --number N: {results.findings}"
    assert results.tried == 100
    for outcome in (INTACT, WHOLE, LESS, CUT):
        assert results.outcomes[outcome]


def test_a_hub_that_does_not_look_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "_broken_log", lambda _: None)
    monkeypatch.setattr(damage, "_broken_pages", lambda _: None)
    results = fuzz_stores(5, range(30), tmp_path)
    assert results.findings


def test_the_command_tells_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "--seed", "5", "--count", "3"]) == 0
    assert "3 mutants" in capsys.readouterr().out
    assert main(["store", "--seed", "5", "--number", "2", "--json"]) == 0
    assert '"count": 1' in capsys.readouterr().out
