"""`scripts/bench hub` with tiny counts: real brokers, real clients, and what it prints of them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from benchmarks.__main__ import main
from benchmarks.hub import command
from benchmarks.hub.brokers import AMQTT_PYTHON, MOSQUITTO
from benchmarks.hub.report import TARGETS
from benchmarks.hub.scenarios import BROKERS, HUB, REFERENCE, SCENARIOS
from tests.benchmarks.hub.figures import measured, result
from tests.e2e.device import python_path
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
NUMBER, WHOLE = {"type": "number", "minimum": 0}, {"type": "integer", "minimum": 0}
ROUND = {
    **dict.fromkeys(("in", "out", "cpu_us", "cpu"), NUMBER),
    **dict.fromkeys(("rss", "faults", "missing"), WHOLE),
    "latencies_ms": {"type": "object", "additionalProperties": NUMBER},
}
TEXTS = {"type": "array", "items": {"type": "string"}}
FLOW = {
    "scenario": {"enum": [*SCENARIOS]},
    "broker": {"enum": [*BROKERS]},
    "rounds": {
        "items": {"oneOf": [{"type": "object", "required": [*ROUND], "properties": ROUND}, {"type": "null"}]}
    },
    "failures": TEXTS,
    "ratios": {"type": "array", "items": NUMBER},
    "faults": WHOLE,
    "targetsMissed": {"oneOf": [TEXTS, {"type": "null"}]},
}
BACKLOG = {
    "drained_to": {"enum": ["raw client", "local IoT Hub"]},
    **dict.fromkeys(("messages", "peak_rss", "faults"), WHOLE),
    **dict.fromkeys(("written", "drained", "reopen_s"), NUMBER),
    "targetsMissed": TEXTS,
}
DOCUMENT = {
    "type": "object",
    "required": ["machine", "python", "loadAverage", "seconds", "flows", "backlogs"],
    "properties": {
        "flows": {"items": {"required": [*FLOW], "properties": FLOW, "additionalProperties": False}},
        "backlogs": {"items": {"required": [*BACKLOG], "properties": BACKLOG, "additionalProperties": False}},
    },
}


def network(loopback: str) -> str:
    """A network of the test's own, beside the addresses that other tests use."""
    second, third = loopback.split(".")[1:3]
    return f"127.{int(second) - 100}.{third}.0/24"


def bench(loopback: str, *only: str) -> list[str]:
    chosen = [word for name in only for word in ("--only", name)]
    tiny = ["--quick", "--seconds", "0.3", "--messages", "300"]
    return ["hub", *tiny, "--network", network(loopback), *chosen]


def test_every_kind_of_measurement_runs_end_to_end(loopback: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*bench(loopback, "sdk", "raw", "raw-500", "backlog"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, DOCUMENT)
    there = {
        HUB,
        *([REFERENCE, "mosquitto"] if MOSQUITTO else []),
        *(["amqtt"] if AMQTT_PYTHON.exists() else []),
    }
    flows = {(flow["scenario"], flow["broker"]): flow for flow in document["flows"]}
    assert flows.keys() == {(name, b) for name in ("sdk", "raw", "raw-500") for b in SCENARIOS[name].brokers}
    for (_, broker), flow in flows.items():
        assert len(flow["rounds"]) == 1
        if broker in there:
            assert flow["failures"] == []
            assert flow["rounds"][0]["rss"] > 1_000_000
            assert flow["faults"] == 0 or broker != HUB
        else:
            assert "is not installed" in flow["failures"][0]
    assert [(b["drained_to"], b["messages"], b["faults"]) for b in document["backlogs"]] == [
        ("raw client", 300, 0),
        ("local IoT Hub", 300, 0),
    ]


def stand_in(monkeypatch: pytest.MonkeyPatch, **figures: Any) -> None:
    """In place of the brokers: the hub with these figures, beside a reference of 1,000 messages a second."""
    rows = [measured("sdk", HUB, result(**figures)), measured("sdk", REFERENCE, result(out=1000.0))]
    monkeypatch.setattr(command, "measure", lambda name, **_: rows)


def test_what_misses_a_target_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TARGETS["sdk"] == {"out": 1900, "ratio": 0.8}
    stand_in(monkeypatch, out=790.0)
    assert main(["hub", "--only", "sdk"]) == 0
    shown = capsys.readouterr().out
    assert "out 790, target 1900" in shown
    assert "ratio 0.79, target 0.8" in shown


def test_a_hub_that_disorders_messages_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, out=2000.0, faults=2, missing=1)
    assert main(["hub", "--only", "sdk"]) == 1
    captured = capsys.readouterr()
    assert "met" in captured.out
    assert "the hub lost, doubled or disordered 3 messages" in captured.err


@pytest.mark.parametrize("text", ["10.0.0.0/24", "127.0.0.0/30", "nonsense"])
def test_only_a_loopback_network_will_do(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["hub", "--network", text])
    assert stopped.value.code == 2
    assert "--network" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(
    loopback: str, tmp_path: Path, number: signal.Signals
) -> None:
    arguments = ["--only", "raw-16k", "--seconds", "600", "--network", network(loopback)]
    address = network(loopback).removesuffix("0/24")
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "hub", *arguments, "--folder", str(tmp_path)],
        cwd=ROOT,
        env=python_path(),
        stderr=subprocess.PIPE,
        text=True,
    )
    brokers = [f"{address}{1 + number}" for number in range(len(BROKERS))]
    deadline = time.monotonic() + PATIENCE_S
    while not any(map(listens, brokers)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not any(map(listens, brokers))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["raw_client", "sdk_sender", "sdk_receiver"])
def test_a_client_that_gets_no_job_ends_without_a_word(name: str) -> None:
    """An interruption while it was being started leaves it without its parent's word, and without its signal."""
    ended = subprocess.run(
        [sys.executable, "-m", f"benchmarks.hub.{name}"],
        cwd=ROOT,
        env=python_path(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "")


def listens(address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, 8883)) == 0
