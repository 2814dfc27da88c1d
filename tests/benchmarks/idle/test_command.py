from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.idle.command import TARGET_PERCENT, Found, Start
from benchmarks.processes import Usage


@pytest.mark.slow
def test_every_process_and_the_start_are_measured(loopback: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["idle", "--starts", "2", "--seconds", "2", "--address", loopback, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["processes"]) == {"supervisor", "hub", "camera", "classifier", "results_filter"}
    assert all(row["rssMB"] > 10 and row["percent"] >= 0 for row in document["processes"].values())
    assert len(document["startsS"]) == 2
    assert document["startCpuMedianS"] > 0


def test_the_whole_solution_is_the_sum_of_its_processes() -> None:
    one = Usage(cpu_s=0.3, wakeups=120, rss_bytes=50_000_000, peak_rss_bytes=60_000_000)
    found = Found(
        [Start(1.0, 2.0), Start(3.0, 2.4), Start(1.5, 2.2)], {"hub": one, "camera": one}, None, 60.0
    )
    document = found.document()
    assert document["idlePercent"] == 1.0 < TARGET_PERCENT
    assert document["processes"]["hub"] == {"percent": 0.5, "wakeupsPerS": 2.0, "rssMB": 50.0}
    assert (document["startMedianS"], document["startCpuMedianS"]) == (1.5, 2.2)


@pytest.mark.parametrize("option", ["--starts", "--seconds"])
def test_nothing_to_measure_makes_no_sense(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["idle", option, "0"]) == 1
    assert "at least 1" in capsys.readouterr().err
