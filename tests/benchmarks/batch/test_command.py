"""`scripts/bench batch`: both sides score every picture, and what is missing is told."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.batch import command
from benchmarks.batch.bare_loop import Pace, bare_loop
from benchmarks.errors import BenchmarkError
from tests.image_classifier.tiny_model import encode, plain


def test_each_core_does_its_share() -> None:
    pace = bare_loop("fast", [encode(plain((9, 9, 9)))] * 20, 2)
    assert pace.pictures_per_s > 0
    assert pace.cpu_s > 0


def test_too_few_pictures_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "PYTHON", Path(__file__))
    assert main(["batch", str(tmp_path)]) == 1
    assert f"{tmp_path}: 0 pictures; some ten thousand are needed" in capsys.readouterr().err
    monkeypatch.setattr(command, "PYTHON", tmp_path / "gone")
    assert main(["batch", str(tmp_path)]) == 1
    assert "run scripts/score --help, which sets it up" in capsys.readouterr().err


def test_the_command_s_own_start_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter([command._Run(2.0, 1.0), command._Run(11.0, 10.0)])
    monkeypatch.setattr(command, "_score", lambda *_: next(runs))
    monkeypatch.setattr(command, "bare_loop", lambda *_: Pace(110.0, 0.009))
    options = argparse.Namespace(bundle="fast", folder=Path())
    turn = command._turn(options, [b""] * 1000, Path(), Path(), 2)
    assert (turn["commandPerSecond"], turn["wholeRunSeconds"]) == (100.0, 11.0)
    assert turn["shareByClock"] == pytest.approx(100 / 110)
    assert turn["shareByProcessorTime"] == pytest.approx(0.9)
    runs = iter([command._Run(2.0, 1.0), command._Run(2.0, 1.0)])
    with pytest.raises(BenchmarkError, match="1000 pictures take no longer than their tenth"):
        command._turn(options, [b""] * 1000, Path(), Path(), 2)
