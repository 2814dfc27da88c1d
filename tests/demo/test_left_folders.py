from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.runtime import Runtime, StateFolderError, remove_left_folders

ROOT = Path(__file__).parents[2]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files; its path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="left-", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_folders_of_demos_that_run_are_left_alone(temporary: Path) -> None:
    for name in ("edge-demo-left", "edge-demo-used", "edge-demo-begun", "other"):
        (temporary / name / "logs").mkdir(parents=True)
        if name != "edge-demo-begun":
            (temporary / name / "runtime.log").write_text("x")
    with (temporary / "edge-demo-used" / "runtime.log").open("rb") as used:
        fcntl.flock(used, fcntl.LOCK_EX)
        remove_left_folders()
    assert {folder.name for folder in temporary.iterdir()} == {"edge-demo-used", "edge-demo-begun", "other"}


@pytest.mark.slow
def test_the_folder_of_a_killed_demo_is_used_until_its_runtime_has_ended(
    temporary: Path, loopback: str
) -> None:
    command = [sys.executable, "-m", "demo", "--address", loopback, "--plain"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        demo.stdout.readline()
        (folder,) = temporary.glob("edge-demo-*")
        remove_left_folders()
        assert (folder / "endpoints.json").exists()
        demo.send_signal(signal.SIGKILL)
    with (folder / "runtime.log").open("rb") as log:
        fcntl.flock(log, fcntl.LOCK_EX)  # returns when the runtime, which the kernel told to stop, has ended
    remove_left_folders()
    assert not folder.exists()


def test_what_a_demo_prints_is_nobody_else_s_to_read(tmp_path: Path, loopback: str) -> None:
    """The token of the live page is in it; the folder, and the file of an older demo, may be anybody's."""
    log = tmp_path / "runtime.log"
    log.write_text("of an older one")
    log.chmod(0o644)
    with Runtime(tmp_path / "none.json", {}, address=loopback, state=tmp_path) as runtime:
        assert log.stat().st_mode & 0o777 == 0o600
        with pytest.raises(StateFolderError, match="give another folder"):
            Runtime(tmp_path / "none.json", {}, address=loopback, state=tmp_path)
    assert "of an older one" not in runtime.output()
