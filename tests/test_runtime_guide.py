"""The commands of docs/runtime.md, as a new user types them: with a home of one's own, in two terminals."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from edge_runtime.agent import kernel
from tests.clone import clone
from tests.patience import PATIENCE_S, wait_for
from tests.test_readme import BLOCK

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "runtime.md"
STATES = Path(".local/state/edge-runtime")
# Stands before the user's own `edge`: the guide's addresses belong to whoever runs something on this machine.
WRAPPER = """#!/usr/bin/env bash
arguments=("$@")
if [ "$1" = run ]; then
  case " $* " in
    *" --address 127.0.0.2"*) arguments=("${arguments[@]/#127.0.0.2/SECOND}") ;;
    *) arguments+=(--address FIRST) ;;
  esac
fi
exec "$HOME/.local/bin/edge" "${arguments[@]}"
"""
# What the guide starts and a person ends: done once the module that was started so has sent something.
BY_HAND = """python3 -u main.py & program=$!
until [ "$(edge events --module filtermodule --json | wc -l)" -gt "$BEFORE" ]; do sleep 0.2; done
kill "$program"; wait "$program" || true
"""


class User:
    """`terminal` runs a block to its end, `leave` one that goes on."""

    def __init__(self, home: Path, address: str) -> None:
        self.home = home
        self.running: dict[str, subprocess.Popen[str]] = {}
        wrapper = home / "bin" / "edge"
        wrapper.parent.mkdir()
        second = str(IPv4Address(address) + 1)
        wrapper.write_text(WRAPPER.replace("FIRST", address).replace("SECOND", second))
        wrapper.chmod(0o755)
        self.folder = clone(home / "edge-vision")

    def terminal(self, block: str) -> str:
        done = subprocess.run(
            self._bash(block),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}\n{done.stderr}"
        return done.stdout

    def leave(self, block: str) -> None:
        """Start it, in place of what runs under that name, and wait until it is up."""
        named = re.search(r"--device (\w+)", block)
        name = named[1] if named else "edge"
        self.end(name)
        log = self.home / f"{name}.log"
        with log.open("w") as output:
            self.running[name] = subprocess.Popen(
                self._bash(block.replace("edge run ", "exec edge run ")),
                cwd=self.folder,
                env=self._environment(),
                stdout=output,
                stderr=output,
                text=True,
            )
        state = self.home / STATES / name
        left_out = re.search(r"--without (\w+)", block)
        last = state / (f"{left_out[1]}.env" if left_out else "endpoints.json")

        def up() -> bool:
            assert self.running[name].poll() is None, log.read_text()
            return last.exists()

        try:
            wait_for(up, f"{name} is up")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()}") from None

    def end(self, name: str) -> None:
        process = self.running.pop(name, None)
        if process is not None:
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0, (self.home / f"{name}.log").read_text()

    def alerts(self) -> int:
        return len(self.terminal("edge events --module filtermodule --json").splitlines())

    def state(self, module: str) -> tuple[str, str]:
        """Status and description that `$edgeAgent` reports."""
        twin = json.loads(self.terminal("edge twin '$edgeAgent'"))
        found = twin["reported"].get("modules", {}).get(module, {})
        return found.get("runtimeStatus", ""), found.get("statusDescription", "")

    def _bash(self, block: str) -> list[str]:
        return ["bash", "-euo", "pipefail", "-c", block]

    def _environment(self) -> dict[str, str]:
        left_out = {"XDG_STATE_HOME", "XDG_CACHE_HOME", "PYTHONPATH"}
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        return {**kept, "HOME": str(self.home), "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}"}


@pytest.fixture
def user(loopback: str) -> Iterator[User]:
    home = Path(tempfile.mkdtemp(prefix="guide-", dir="/tmp"))
    made = User(home, loopback)
    yield made
    for process in made.running.values():
        process.kill()
        process.wait()
    for mark in kernel.marks():
        if mark.is_relative_to(home):
            for survivor in kernel.marked(mark):
                os.kill(survivor.pid, signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)


def blocks() -> list[str]:
    return [found.strip() for found in BLOCK.findall(GUIDE.read_text())]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_command_of_the_guide(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks():
        if re.search(r"^edge run ", block, re.MULTILINE):
            user.leave(block)
            if "--without" not in block and "--device" not in block:
                wait_for(lambda: user.state("filtermodule")[0] in {"running", "failed"}, "pip is done")
                status, why = user.state("filtermodule")
                if "package index cannot be reached" in why:
                    pytest.skip(why)
                assert status == "running", why
                wait_for(user.alerts, "a hot machine upstream")
        else:
            monkeypatch.setenv("BEFORE", str(user.alerts() if user.running else 0))
            text = block.replace("edge events --follow", "edge events")
            user.terminal(re.sub(r"^python3 -u main\.py$", lambda _: BY_HAND, text, flags=re.MULTILINE))
    listed = [json.loads(line) for line in user.terminal("edge running --json").splitlines()]
    names = {one["device"] for one in listed if Path(one["state"]).is_relative_to(user.home)}
    assert names == {"edge", "second"}
    for name in ("second", "edge"):
        user.end(name)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", GUIDE.read_text()):
        assert (GUIDE.parent / target).exists(), target
