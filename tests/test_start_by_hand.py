"""`python -m edge_runtime.start_by_hand`: a module's program with the environment that `run --without` wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edge_runtime.supervisor.shell_lines import shell_lines
from tests.e2e.device import ROOT
from tests.patience import PATIENCE_S

PROGRAM = "import os, sys\nprint(__name__, sys.argv[1:], os.environ['SOURCE'])\nsys.exit(7)\n"


def start(state: Path, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_runtime.start_by_hand", "--state", str(state), *arguments]
    environment = {"PYTHONPATH": f"{ROOT}:{path}"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def test_the_program_runs_as_the_main_one_with_its_environment(tmp_path: Path) -> None:
    (tmp_path / "lens.py").write_text(PROGRAM)
    (tmp_path / "lens.env").write_text(shell_lines({"SOURCE": "it's a `$HOME`", "A": "1"}))
    done = start(tmp_path, "lens", "one", path=tmp_path)
    assert (done.stdout, done.returncode) == ("__main__ ['one'] it's a `$HOME`\n", 7)


def test_a_program_may_have_another_name_than_its_module(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    (tmp_path / "lens.env").write_text(shell_lines({"SOURCE": "x"}))
    done = start(tmp_path, "--package", "main", "lens", path=tmp_path)
    assert (done.stdout, done.returncode) == ("__main__ [] x\n", 7)


def test_without_a_run_that_leaves_it_out_it_says_what_to_do(tmp_path: Path) -> None:
    done = start(tmp_path, "--wait", "0", "lens", path=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f"{tmp_path}/lens.env is missing: start the solution with --state {tmp_path} --without lens\n"
    )
