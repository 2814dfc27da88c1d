from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.agent import kernel
from edge_runtime.early_hub import EarlyHub, hub_environment
from tests.patience import PATIENCE_S


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def early(state: Path) -> Iterator[EarlyHub]:
    early = EarlyHub(state, state / "hub.json")
    yield early
    early.end_unless_begun()
    early.process.wait(PATIENCE_S)


def test_without_a_word_it_ends_and_has_touched_nothing(early: EarlyHub, state: Path) -> None:
    assert [process.pid for process in kernel.marked(state)] == [early.process.pid]
    assert early.process.stdin is not None
    early.process.stdin.close()  # as when the supervisor is killed
    assert early.process.wait(PATIENCE_S) == 0
    assert not state.exists()


def test_one_that_is_not_needed_is_ended(early: EarlyHub, state: Path) -> None:
    early.end_unless_begun()
    assert early.process.returncode == -signal.SIGKILL
    assert not state.exists()


def test_with_the_word_it_is_a_hub_in_that_environment(early: EarlyHub, state: Path) -> None:
    state.mkdir()
    log = state / "hub.log"
    (state / "hub.json").write_text(json.dumps({"deviceId": "edge"}))
    environment = {**hub_environment(state), "RuntimeLogLevel": "loud"}
    assert early.begin(environment, state, log)
    assert early.process.wait(PATIENCE_S) == 2
    text = log.read_text()
    assert "RuntimeLogLevel: 'loud' is none of" in text
    assert f"{state / 'hub.json'}: 'iothubHostname' is missing" in text


def test_a_hub_that_was_begun_is_not_ended_with_the_one_that_began_it(early: EarlyHub, state: Path) -> None:
    state.mkdir()
    assert early.begin(hub_environment(state), state, state / "hub.log")
    early.end_unless_begun()
    assert early.process.wait(PATIENCE_S) == 2, "there is no hub.json: it ends by itself"


def test_one_that_has_ended_cannot_begin(early: EarlyHub, state: Path) -> None:
    early.process.kill()
    early.process.wait()
    assert not early.begin(hub_environment(state), state, state / "hub.log")


def test_a_hub_reads_no_certificates_of_the_system(state: Path) -> None:
    code = "from ssl import create_default_context as c; print(c().cert_store_stats()['x509'])"
    found = subprocess.run(
        [sys.executable, "-c", code], env=hub_environment(state), capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "0"
