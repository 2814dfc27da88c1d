"""A Docker engine of a test's own, which it may kill: another daemon, other data, no rule of the machine's firewall."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.patience import wait_for

_BRIDGE, _BRIDGE_ADDRESS = "test-docker0", "10.203.213.1/24"
"""Of its own: with `--bridge none` dockerd removes docker0, which the machine's own engine needs."""
_OPTIONS = ("--bridge", _BRIDGE, "--iptables=false", "--ip-forward=false")


class PrivateEngine:
    """`host` is its DOCKER_HOST. Needs root and `dockerd`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        (self._folder / "docker.pid").unlink(missing_ok=True)
        if not Path(f"/sys/class/net/{_BRIDGE}").exists():
            for command in (f"link add {_BRIDGE} type bridge", f"addr add {_BRIDGE_ADDRESS} dev {_BRIDGE}"):
                subprocess.run(["ip", *command.split()], check=True)
        with (self._folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("dockerd", "--host", self.host, *_OPTIONS),
                    *("--data-root", f"{self._folder}/data", "--exec-root", f"{self._folder}/exec"),
                    *("--pidfile", f"{self._folder}/docker.pid"),
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        wait_for(self._answers, "the private engine")

    def load(self, image: str) -> None:
        """An image of the machine's own engine."""
        saving = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
        subprocess.run(["docker", "--host", self.host, "load"], stdin=saving.stdout, check=True)
        assert saving.stdout is not None
        saving.stdout.close()
        assert saving.wait() == 0

    def stop(self) -> None:
        """SIGTERM: it ends its containers first."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        """SIGKILL to it and to its containerd: its containers go on."""
        assert self._process is not None
        pid_file = self._folder / "exec" / "containerd" / "containerd.pid"
        containerd = int(pid_file.read_text())
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.kill(containerd, signal.SIGKILL)
        # As a reboot leaves it: the next one would wait for a process that nobody here may have reaped.
        pid_file.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave nothing of it, whatever state it is in."""
        assert self._process is not None
        if self._process.poll() is not None:
            self.start()
        self.stop()
        # It mounts its data folder onto itself.
        subprocess.run(["umount", "--lazy", f"{self._folder}/data"], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", _BRIDGE], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "dockerd.log").read_text()[-2000:]
        asked = ["docker", "--host", self.host, "info"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def private_engine(folder: Path) -> PrivateEngine:
    """Started; skips where the machine cannot run one."""
    if shutil.which("dockerd") is None or os.getuid() != 0:
        pytest.skip("a Docker engine of the test's own needs dockerd and root")
    engine = PrivateEngine(folder)
    engine.start()
    return engine
