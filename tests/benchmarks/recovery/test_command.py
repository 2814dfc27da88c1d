from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import main


@pytest.mark.slow
def test_one_kill_is_measured_and_nothing_is_lost(loopback: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recovery", "--kills", "1", "--seed", "7", "--address", loopback, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (kill,) = document["kills"]
    assert 0 <= kill["started_s"] + 0.02 <= kill["ready_s"]  # a process's start is known to 10 ms
    assert kill["started_s"] <= kill["connected_s"] <= kill["delivered_s"]
    assert document["medianS"] == document["p99S"] == kill["delivered_s"]
    assert document["arrived"] > 0
    assert (document["seed"], document["lost"], document["outOfOrder"]) == (7, 0, 0)


def test_no_kills_make_no_sense(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recovery", "--kills", "0"]) == 1
    assert "--kills: 0 is less than 1" in capsys.readouterr().err
