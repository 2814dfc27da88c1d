"""A store that this user may not write, a damaged one, a full disk: what `run` says, and what becomes of it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.recovery.ledger import read_acknowledged, read_arrivals
from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device, program, python_path
from tests.edge.manifest import deployment
from tests.patience import PATIENCE_S, wait_for

PROGRAMS = ROOT / "benchmarks" / "recovery"
ROUTES = {
    "kept": 'FROM /messages/modules/alpha/outputs/out INTO BrokeredEndpoint("/modules/gamma/inputs/in")',
}
LEFT_OUT = ("--without", "alpha", "--without", "gamma")
MESSAGES = 200
# Without capabilities even root is held to what the file system says.
AS_ANYBODY = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all")


@pytest.fixture
def used(device: StartDevice, short: Path) -> Device:
    """A device that has messages for a module that never came, stopped."""
    running = device(deployment({"alpha": {}, "gamma": {}}, ROUTES), *LEFT_OUT).up()
    ledger = short / "acknowledged"
    command = (sys.executable, str(PROGRAMS / "sender.py"), str(ledger), "1", str(MESSAGES))
    with program(running, "alpha", *command) as sender:
        assert sender.wait(PATIENCE_S) == 0
    assert len(read_acknowledged(ledger)) == MESSAGES
    assert running.stop() == 0
    return running


def damage(store: Path) -> None:
    """Overwrite a page of messages."""
    page = 4096
    with closing(sqlite3.connect(store)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()
    content = bytearray(store.read_bytes())
    leaves = [
        at for at in range(0, len(content), page) if content[at] == 0x0D and b"alpha0." in content[at:][:page]
    ]
    assert (root - 1) * page not in leaves
    content[leaves[3] : leaves[3] + page] = b"\xff" * page
    store.write_bytes(content)


def test_a_damaged_store_is_told_and_what_is_left_of_it_delivered(
    used: Device, device: StartDevice, short: Path
) -> None:
    damage(used.state / "hub.db")
    damaged = (used.state / "hub.db").read_bytes()
    again = device(short / "deployment.json", *LEFT_OUT).up()
    told = [line for line in again.said().splitlines() if "the store was damaged" in line]
    assert len(told) == 1
    (kept,) = (p for p in used.state.glob("hub.db.corrupt-*") if not p.name.endswith("-wal"))
    assert kept.name in told[0]
    assert kept.read_bytes() == damaged
    left = int(re.findall(r"(\d+) messages", told[0])[0])
    assert MESSAGES - 4 <= left < MESSAGES
    assert again.snapshot()["dropped"]["corrupt_store"] == 1
    assert again.twin("$edgeHub")["store"]["salvaged"]["keptAs"] == kept.name
    arrivals = short / "arrivals"
    with program(again, "gamma", sys.executable, str(PROGRAMS / "receiver.py"), str(arrivals)):
        wait_for(lambda: len(read_arrivals(arrivals)) == left, "every message that is left")
    sequences = [arrival.sequence for arrival in read_arrivals(arrivals)]
    assert sequences == sorted(sequences)


def ended(*command: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=python_path(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root gives files away")
def test_a_store_that_may_not_be_written_ends_the_run_with_one_line(used: Device, loopback: str) -> None:
    store = used.state / "hub.db"
    run = (sys.executable, "-m", "edge_runtime", "run", str(used.state.with_name("deployment.json")))
    for file, mode, owner in (
        (store, 0o444, 0),
        (store, 0o600, 65534),
        (used.state / "hub.db-claim", 0o600, 65534),
    ):
        content, before = store.read_bytes(), file.stat()
        file.chmod(mode)
        os.chown(file, owner, before.st_gid)
        refused = ended(*AS_ANYBODY, *run, "--state", str(used.state), "--address", loopback, *LEFT_OUT)
        assert refused.returncode == 1
        (line,) = (line for line in refused.stderr.splitlines() if "the store cannot be opened" in line)
        assert f"may not write {file}, which belongs to user {owner} with mode {mode:o}" in line
        assert "Traceback" not in refused.stderr
        assert store.read_bytes() == content
        file.chmod(0o600)
        os.chown(file, before.st_uid, before.st_gid)


def mounting(script: str) -> subprocess.CompletedProcess[str]:
    """A script with mounts of its own, which exits with 99 where they fail."""
    done = ended("unshare", "-m", "bash", "-c", script)
    if done.returncode == 99 or "unshare failed" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    return done


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_folder_on_a_read_only_disk_ends_the_run_with_one_line(short: Path, loopback: str) -> None:
    state = short / "s"
    state.mkdir()
    (short / "deployment.json").write_text("{}")
    mount = f"mount --bind {state} {state} && mount -o remount,bind,ro {state}"
    command = f"{sys.executable} -m edge_runtime run {ROOT / 'deployment.template.json'} --state {state}"
    refused = mounting(f"{mount} || exit 99; exec {command} --address {loopback}")
    assert refused.returncode == 2
    assert f"{state} cannot hold the runtime's state: Read-only file system" in refused.stderr
    assert "Traceback" not in refused.stderr


# Runs until it is up, then ends it; $1 is its folder. The exit code is the run's.
UNTIL_UP = """
until_up() {
  "${run[@]}" --state "$1" & pid=$!
  until [ -e "$1/endpoints.json" ]; do
    kill -0 $pid 2>/dev/null || { wait $pid; return; }
    sleep 0.1
  done
  kill -TERM $pid
  wait $pid
}
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_device_that_was_stopped_starts_again_on_a_full_disk(short: Path, loopback: str) -> None:
    disk = short / "disk"
    disk.mkdir()
    template = shlex.quote(str(ROOT / "deployment.template.json"))
    left_out = " ".join(f"--without {name}" for name in ("camera", "classifier", "results_filter"))
    script = f"""
        mount -t tmpfs -o size=8m none {disk} || exit 99
        run=({sys.executable} -m edge_runtime run {template} --address {loopback} {left_out})
        {UNTIL_UP}
        until_up {disk}/s || exit 10
        dd if=/dev/zero of={disk}/fill bs=4k 2>/dev/null
        until_up {disk}/s || exit 11
        rm {disk}/s/reserve
        dd if=/dev/zero of={disk}/more bs=4k 2>/dev/null
        until_up {disk}/s
    """
    refused = mounting(script)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert refused.stdout.count("edgeHub: running") == 2
    told = f"{disk}/s cannot hold the runtime's state: No space left on device; make room on its disk"
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
