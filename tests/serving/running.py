"""The real service as a process of its own, and requests to it with the standard library's client."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from image_classifier.bundle import load_bundle
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
KEY = "a-primary-key-of-the-tests"
OTHER_KEY = "a-secondary-key-of-the-tests"
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}
_LISTENS = re.compile(r'"listening on [^"]*".*"port": (\d+)')


@dataclass
class Answer:
    """An answer, read whole; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class RunningService:
    """The process and where it listens. `log` is the file that its output goes to."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    address: str = "127.0.0.1"
    bundle: str = "fast"
    authorization: dict[str, str] = field(default_factory=lambda: dict(AUTHORIZATION))

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request with the primary key over a connection of its own; `headers` are added or replace."""
        with closing(http.client.HTTPConnection(self.address, self.port, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, body, {**self.authorization, **(headers or {})})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())

    def post_json(self, path: str, document: Any, headers: Mapping[str, str] | None = None) -> Answer:
        body = json.dumps(document).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def metric(self, name: str) -> float:
        """The sum of all samples of this name."""
        text = self.request("GET", "/metrics").body.decode()
        found = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    def workers(self) -> list[int]:
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def wait_until_ready(self) -> Self:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                if self.request("GET", "/v2/health/ready").status == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.02)
        raise TimeoutError(self.log.read_text())

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextmanager
def running(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, workers: int = 2
) -> Iterator[RunningService]:
    """A service on a free port; `environment` is added to keys and paths and replaces them."""
    log = folder / "serving.log"
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}",
        "TMPDIR": str(folder),
        "SCORING_KEY_PRIMARY": KEY,
        "SCORING_KEY_SECONDARY": OTHER_KEY,
        # Slow machines: what waits is not refused unless a test is about just that.
        "SERVING_WAIT_S": "60",
        **(environment or {}),
    }
    command = [sys.executable, "-P", "-m", "serving", "--port", "0", "--workers", str(workers), *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=given, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield RunningService(process, _port(process, log), log).wait_until_ready()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        if found := _LISTENS.search(log.read_text()):
            return int(found[1])
        time.sleep(0.02)
    raise AssertionError(f"the service does not listen: {log.read_text()}")


def golden_picture(bundle: str = "fast", number: int = 0) -> bytes:
    """The encoded picture of a golden vector."""
    return load_bundle(bundle).golden_vectors[number].image
