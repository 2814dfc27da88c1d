from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.flighting.at_work import AtWork
from serving.flighting.state import StateFolder
from tests.serving.flighting.documents import decided, plan


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def at_work(state: StateFolder) -> Iterator[AtWork]:
    found = state.at_work("a")
    yield found
    found.close()


def gone() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def of_a_dead_worker(folder: Path, pid: int) -> None:
    """Its file, under the name of another worker."""
    left = json.loads((folder / "at-work-a.json").read_text()) | {"pid": pid}
    (folder / f"at-work-{pid}.json").write_text(json.dumps(left))


def test_a_worker_that_is_there_has_not_crashed(state: StateFolder, at_work: AtWork) -> None:
    with at_work.with_candidate(1, "v1"):
        assert not state.crashes(decided(plan(90, 10)), 60)


def test_the_file_of_a_worker_that_is_gone_says_whom_it_was_with(state: StateFolder, at_work: AtWork) -> None:
    pid = gone()
    with at_work.with_candidate(2, "v1"), at_work.with_candidate(2, "v1"):
        with at_work.with_candidate(2, "v2"):
            pass
        with at_work.with_candidate(1, "v3"):
            of_a_dead_worker(state.path, pid)
    assert state.crashes(decided(plan(40, 20, 20, 20), 2), 60) == {"v1": 1}
    assert state.crashes(decided(plan(40, 20, 20, 20), 1), 60) == {"v3": 1}
    of_a_dead_worker(state.path, pid)  # all are answered by now
    assert not state.crashes(decided(plan(40, 20, 20, 20), 2), 60)


def test_crashes_pass_out_of_mind(state: StateFolder, at_work: AtWork) -> None:
    pid = gone()
    with at_work.with_candidate(1, "v1"):
        of_a_dead_worker(state.path, pid)
    before = time.time() - 100
    os.utime(state.path / f"at-work-{pid}.json", (before, before))
    assert state.crashes(decided(plan(90, 10)), 600) == {"v1": 1}
    assert not state.crashes(decided(plan(90, 10)), 60)


def test_many_long_names_fit(state: StateFolder, at_work: AtWork) -> None:
    pid = gone()
    names = [f"{number:064}" for number in range(16)]
    with at_work.with_candidate(1, names[0]), at_work.with_candidate(1, names[15]):
        of_a_dead_worker(state.path, pid)
    assert sorted(state.crashes(decided(plan(100)), 60)) == [names[0], names[15]]


def test_a_file_that_is_none_is_passed_over(state: StateFolder) -> None:
    (state.path / "at-work-other.json").write_text("{")
    assert not state.crashes(decided(plan(100)), 60)
