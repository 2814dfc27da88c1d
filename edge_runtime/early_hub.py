"""A hub process that is started before it is known whether one is needed.

It loads its program, most of what a hub's start takes, while the supervisor loads its own and reads the manifest on
another processor. Then it waits for a word on its standard input, a line of JSON, and becomes the hub that it names.
When the pipe closes without a word, because the manifest is refused or the supervisor is gone, it ends and has
touched nothing.

Both ends of the pipe are here. Light to import: this is what `run` does first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from edge_runtime.agent.inherited import MARK, inherited

_PACKAGE_ROOT = Path(__file__).resolve().parents[1]
WAIT = "--wait"


def hub_command(configuration: Path) -> tuple[str, ...]:
    """Of a hub that starts at once; with WAIT behind it, of one that waits."""
    return (sys.executable, "-m", "edge_runtime", "hub", "--config", str(configuration))


def hub_environment(state: Path) -> dict[str, str]:
    # aiohttp reads the system's certificates as it is imported, which takes a tenth of the hub's start. The hub trusts
    # the local authority and nobody else.
    no_authorities = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
    return {**inherited(), **no_authorities, "PYTHONPATH": str(_PACKAGE_ROOT), MARK: str(state)}


class EarlyHub:
    """The supervisor's end. Standard error is the supervisor's own until the word is given."""

    def __init__(self, state: Path, configuration: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            [*hub_command(configuration), WAIT],
            env=hub_environment(state),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def begin(self, environment: Mapping[str, str], folder: Path, log: Path) -> bool:
        """Let it be the hub, with its output in `log`; False when it has ended."""
        word = {"environment": dict(environment), "folder": str(folder), "log": str(log)}
        if self.process.poll() is not None or self.process.stdin is None:
            return False
        try:
            with self.process.stdin as pipe:
                pipe.write(json.dumps(word).encode() + b"\n")
        except BrokenPipeError:
            return False
        return True

    def end_unless_begun(self) -> None:
        """End it, and wait for that, while it has not been given the word."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.kill()
            self.process.stdin.close()
            self.process.wait()


def wait_for_word() -> bool:
    """The process's own end: whether it is to be a hub, whose environment, folder and output are then in place."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return False
    word = json.loads(line)
    os.environ.update(word["environment"])
    os.chdir(word["folder"])
    log = os.open(word["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.close(log)
    os.close(nothing)
    return True
