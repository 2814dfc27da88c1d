"""No mutant of a bundle harms who loads it; a harm that there is would be found."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fuzzing.__main__ import main
from fuzzing.bundles import BEFORE_NATIVE, IN_CHILD, PASSED, Task, fuzz
from fuzzing.mutations import mutate
from image_classifier.bundle import DOCUMENT, SHIPPED, load_bundle, shipped_names
from image_classifier.sandbox import Sandbox

FAST_MODEL = load_bundle("fast").model_bytes
DOCUMENT_OF_FAST = json.loads((SHIPPED / "fast" / DOCUMENT).read_text("utf-8"))


@pytest.mark.timeout(600)
def test_three_hundred_mutants_never_crash_the_parent() -> None:
    """The nightly size is `scripts/fuzz bundle`, 10,000 mutants of another sequence each time."""
    results = fuzz(Task(SHIPPED / "fast", seed=3, numbers=range(300)))
    assert not results.findings, f"scripts/fuzz bundle --seed 3 --number N: {results.findings}"
    assert results.tried == 300
    words = " ".join(results.outcomes)
    assert PASSED in words
    assert IN_CHILD in words
    for check in ("document", "hash", "structure"):
        assert results.outcomes[f"{BEFORE_NATIVE}: {check}"]


def crash(sandbox: Sandbox, folder: Path) -> str:
    """What a worker does that its third mutant kills."""
    return _at_third(folder, lambda: os.kill(os.getpid(), signal.SIGSEGV))


def leave(sandbox: Sandbox, folder: Path) -> str:
    return _at_third(folder, lambda: os._exit(3))


def leave_at_once(sandbox: Sandbox, folder: Path) -> str:
    os._exit(3)


def hang(sandbox: Sandbox, folder: Path) -> str:
    return _at_third(folder, lambda: time.sleep(100))


def divide_by_zero(sandbox: Sandbox, folder: Path) -> str:
    return _at_third(folder, lambda: [1 // n for n in (0,)])


def _at_third(folder: Path, harm: Callable[[], object]) -> str:
    if (folder / DOCUMENT).read_bytes() == mutate(DOCUMENT_OF_FAST, FAST_MODEL, seed=1, number=2).document:
        harm()
    return PASSED


@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        (crash, "PARENT: SIGSEGV"),
        (leave, "PARENT: exit code 3"),
        (hang, "PARENT: SIGKILL"),
        (divide_by_zero, "RAISED: ZeroDivisionError"),
    ],
)
def test_a_mutant_that_harms_the_parent_is_found_and_the_others_are_tried(
    attempt: Callable[[Sandbox, Path], str], outcome: str
) -> None:
    task = Task(SHIPPED / "fast", 1, range(5), attempt)
    results = fuzz(task, workers=2, stalled_after_s=4)
    assert results.outcomes == {PASSED: 4, outcome: 1}
    (finding,) = results.findings
    assert finding.number == 2
    assert finding.kind == mutate(DOCUMENT_OF_FAST, FAST_MODEL, seed=1, number=2).kind
    assert outcome.split(": ")[1] in finding.what


def test_a_worker_that_dies_leaves_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (bundle,) = shipped_names()[:1]
    results = fuzz(Task(SHIPPED / bundle, 1, range(2), leave_at_once))
    assert results.outcomes == {"PARENT: exit code 3": 2}
    assert not list(tmp_path.iterdir())


def test_the_command_fails_with_what_makes_the_finding_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fuzzing.__main__.Task", partial(Task, attempt=divide_by_zero))
    assert main(["bundle", "--count", "4", "--seed", "1"]) == 1
    said = capsys.readouterr()
    assert "scripts/fuzz bundle --bundle fast --seed 1 --number 2\n" in said.err
    assert "ZeroDivisionError" in said.err
    assert "4 mutants in" in said.out
    assert "1 findings" in said.out


def test_the_command_reports_and_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "--count", "6", "--seed", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["seed"], document["count"], document["findings"]) == (1, 6, [])
    assert sum(document["outcomes"].values()) == 6
    assert main(["bundle", "--number", "4", "--seed", "1", "--keep", str(tmp_path)]) == 0
    line = capsys.readouterr().out.strip()
    known = [f"{kind}: {o}" for kind, outcomes in document["kinds"].items() for o in outcomes]
    assert line in known
    assert (tmp_path / "bundle.json").is_file()
    assert main(["bundle", "--count", "3", "--seed", "1"]) == 0
    assert "3 mutants in" in capsys.readouterr().out


def test_no_such_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "--bundle", "nowhere"]) == 1
    assert "no bundle of this name or path" in capsys.readouterr().err
