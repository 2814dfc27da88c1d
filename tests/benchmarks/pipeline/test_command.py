from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.pipeline.command import TARGET_SHARE, Found, Pair
from tests.e2e.device import ROOT

SAMPLES = ROOT / "modules" / "camera" / "camera" / "samples"


@pytest.mark.slow
def test_frames_flow_with_and_without_readers(loopback: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--pairs", "1", "--seconds", "1", "--source", f"folder:{SAMPLES}", "--address", loopback]
    assert main(["pipeline", *arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["framesPerS"] > 0
    assert document["framesPerSBesideReaders"] > 0
    assert set(document["rssMB"]) == {"supervisor", "hub", "camera", "classifier", "results_filter"}


def test_the_share_is_the_median_of_the_pairs() -> None:
    document = Found([Pair(400, 396), Pair(500, 400), Pair(300, 297)], {}).document()
    assert (document["medianShare"], document["leastShare"]) == (0.99, 0.8)
    assert (document["framesPerS"], document["framesPerSBesideReaders"]) == (400, 396)
    assert document["targetShare"] == TARGET_SHARE


def test_without_a_data_set_there_is_nothing_to_feed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    assert main(["pipeline"]) == 1
    assert "CIFAR10_DIR" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--pairs", "--seconds", "--number"])
def test_nothing_to_measure_makes_no_sense(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pipeline", option, "0"]) == 1
    assert "at least 1" in capsys.readouterr().err
