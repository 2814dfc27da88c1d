""".ci/run with stand-ins for the suites and the engine: what it begins, what it leaves out, and what fails it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parent.parent
ALL = {
    "check": "",
    "test": "",
    "test-deploy": "-x",
    "test-page": "-x",
    "test-docker": "-x",
    "test-serve": "-x",
    "test-images": "amd64 arm32v7 -x",
    "test-targets": "-x",
    "test-models": "-x",
}
NEED_NO_ENGINE = ("check", "test", "test-deploy", "test-page", "test-targets", "test-models")


def program(file: Path, body: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/usr/bin/env bash\n{body}\n")
    file.chmod(0o700)


class Ci:
    """A checkout whose commands write down that they ran, with the tools of the workplace beside it."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self._checkout = folder / "checkout"
        self._engine = folder / "shared" / "tools" / "docker-engine"
        self._bin = folder / "bin"
        (self._checkout / ".ci").mkdir(parents=True)
        shutil.copy(ROOT / ".ci" / "run", self._checkout / ".ci")
        for name in ALL:
            self.suite(name)
        self.docker(runs=False)

    def suite(self, name: str, end: str = "exit 0") -> None:
        program(self._checkout / "scripts" / name, f'echo "{name} $*" >>{self.log}; {end}')

    def engine(self, end: str = "exit 0") -> None:
        program(self._engine, f'echo "engine $*" >>{self.log}; {end}')

    def begins_at_once(self, name: str) -> None:
        """However little of the budget is left."""
        run = self._checkout / ".ci" / "run"
        text, count = re.subn(rf"suite \d+ (?=scripts/{name}\b)", "suite 0 ", run.read_text())
        assert count == 1
        run.write_text(text)

    def docker(self, *, runs: bool, reaches: str = "*") -> None:
        """An engine that runs before CI starts one, or not, and whose containers of these images have a way out."""
        told = f"info) exit {0 if runs else 1} ;; run) [[ $3 == {reaches} ]] ;; esac"
        program(self._bin / "docker", f"case $1 in {told}")

    def run(self, budget_s: int = 5100) -> tuple[int, str]:
        """Exit code and what it said."""
        done = subprocess.run(
            [self._checkout / ".ci" / "run"],
            env={"PATH": f"{self._bin}:{os.environ['PATH']}", "CI_BUDGET_S": str(budget_s)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def ran(self) -> dict[str, str]:
        """What ran, and with which arguments; of the engine the last ones."""
        lines = (line.partition(" ") for line in self.log.read_text().splitlines())
        return {name: arguments for name, _, arguments in lines}


@pytest.fixture
def ci(tmp_path: Path) -> Ci:
    found = Ci(tmp_path)
    found.engine()
    return found


def test_every_suite_runs_in_order_and_an_engine_of_its_own_is_ended(ci: Ci) -> None:
    assert ci.run()[0] == 0
    lines = ci.log.read_text().splitlines()
    suites = [f"{name} {arguments}" for name, arguments in ALL.items()]
    ups = ["engine up amd64", "engine up arm32v7"]
    assert lines == [*suites[:4], *ups, *suites[4:], "engine down"]


def test_every_suite_that_there_is_is_run() -> None:
    assert {file.name for file in (ROOT / "scripts").glob("test*")} | {"check"} == set(ALL)
    for name in ALL:
        assert os.access(ROOT / "scripts" / name, os.X_OK)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        *[
            ("test-targets", name)
            for name in ("batch", "ray", "azureml", "azureml-batch", "azureml-sdk", "functions", "webhooks")
        ],
        *[("test-images", name) for name in ("iotedgedev", "service")],
        ("test-page", "browser"),
        *[("test-models", name) for name in ("train", "keras3", "tflite", "evaluate")],
    ],
)
def test_a_suite_without_one_of_its_environments_has_not_begun(
    tmp_path: Path, name: str, missing: str
) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    program(tmp_path / "scripts" / "venv", f'[ "$1" != .venv-{missing} ] && echo false')
    done = subprocess.run([tmp_path / "scripts" / name], timeout=PATIENCE_S, check=False)
    assert done.returncode == 75


def test_an_engine_that_ran_before_goes_on(ci: Ci) -> None:
    ci.docker(runs=True)
    assert ci.run()[0] == 0
    assert ci.ran() == {**ALL, "engine": "up arm32v7"}


def test_without_the_tools_of_the_workplace_the_rest_runs(tmp_path: Path) -> None:
    ci = Ci(tmp_path)
    code, said = ci.run()
    assert code == 0
    assert "NOT BEGUN: what needs a Docker engine" in said
    assert tuple(ci.ran()) == NEED_NO_ENGINE


def test_an_engine_that_does_not_start_is_told_and_no_failure(ci: Ci) -> None:
    ci.engine("exit 1")
    code, said = ci.run()
    assert code == 0
    assert "NOT BEGUN: what needs images for amd64" in said
    assert ci.ran() == {**{name: ALL[name] for name in NEED_NO_ENGINE}, "engine": "down"}


def test_without_a_foreign_base_image_the_others_are_tested(ci: Ci) -> None:
    ci.engine('[ "$2" != arm32v7 ]')
    code, said = ci.run()
    assert code == 0
    assert "NOT BEGUN: what needs images for arm32v7" in said
    assert ci.ran() == {**ALL, "test-images": "amd64 -x", "engine": "down"}


def test_without_a_way_out_of_containers_what_builds_images_is_left_out(ci: Ci) -> None:
    ci.docker(runs=False, reaches="amd64/*")
    code, said = ci.run()
    assert code == 0
    assert "NOT BEGUN: what needs images for arm32v7: a container of it cannot run apt-get update" in said
    assert ci.ran() == {**ALL, "test-images": "amd64 -x", "engine": "down"}


@pytest.mark.parametrize("name", list(ALL)[2:])
def test_a_suite_that_fails_fails_the_run_and_the_others_go_on(ci: Ci, name: str) -> None:
    ci.suite(name, "exit 1")
    code, said = ci.run()
    assert code == 1
    assert f"FAILED with 1: scripts/{name}" in said
    assert ci.ran() == {**ALL, "engine": "down"}


@pytest.mark.parametrize("name", ["check", "test"])
def test_the_first_two_end_the_run(ci: Ci, name: str) -> None:
    ci.suite(name, "exit 1")
    assert ci.run()[0] == 1
    assert list(ci.ran())[-1] == name


@pytest.mark.parametrize("number", ["KILL", "SEGV"])
def test_a_suite_that_a_signal_ends_has_failed(ci: Ci, number: str) -> None:
    ci.suite("test-models", f"kill -{number} $$")
    code, said = ci.run()
    assert code == 1
    assert "FAILED with 13" in said


def test_a_suite_whose_needs_cannot_be_set_up_is_told_and_no_failure(ci: Ci) -> None:
    ci.suite("test-models", "exit 75")
    code, said = ci.run()
    assert code == 0
    assert "NOT BEGUN: scripts/test-models: what it needs could not be set up" in said


def test_what_the_budget_does_not_suffice_for_is_told_and_not_begun(ci: Ci) -> None:
    code, said = ci.run(budget_s=60)
    assert code == 0
    assert "NOT BEGUN: scripts/test-deploy: it takes 3 minutes" in said
    assert "NOT BEGUN: what needs images for amd64" in said
    assert "NOT BEGUN: scripts/test-models" in said
    assert {"check", "test"} == ci.ran().keys() - {"engine"}


def test_what_the_end_of_the_budget_cuts_off_is_told_and_no_failure(ci: Ci) -> None:
    ci.suite("test-deploy", "trap : INT; sleep 1000 & wait; kill $!; exit 1")
    ci.begins_at_once("test-deploy")
    code, said = ci.run(budget_s=6)
    assert code == 0
    assert "CUT OFF: scripts/test-deploy" in said
    assert "NOT BEGUN: scripts/test-models" in said


@pytest.mark.parametrize("name", ["check", "test"])
def test_what_is_necessary_and_cut_off_fails_the_run(ci: Ci, name: str) -> None:
    ci.suite(name, "trap : INT; sleep 1000 & wait; kill $!; exit 1")
    code, said = ci.run(budget_s=6)
    assert code == 124
    assert f"CUT OFF: scripts/{name}" in said
    assert list(ci.ran())[-1] == name
