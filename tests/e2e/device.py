"""A whole device of the test's own: `python -m edge_runtime run` and what can be seen of it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from edge_runtime.agent import kernel
from edge_runtime.agent.kernel import ProcessId
from edge_runtime.supervisor.control_client import ControlClient
from tests.patience import PATIENCE_S, wait_for

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "deployment.template.json"


def python_path() -> dict[str, str]:
    """This process's environment, with the repository as import root."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"}


def alive(process: dict[str, int]) -> bool:
    return kernel.is_alive(ProcessId(**process))


class Device:
    """One `run`. `state` may have been used by an earlier one; without `address` the engine chooses it."""

    def __init__(
        self, manifest: Path, state: Path, address: str | None, *arguments: str, **variables: str
    ) -> None:
        self.state = state
        self.address = address
        self.output = state.with_name(f"{state.name}-{time.monotonic_ns()}.out")
        command = [sys.executable, "-m", "edge_runtime", "run", str(manifest), "--state", str(state)]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *(["--address", address] if address else []), *arguments],
                cwd=ROOT,
                env={**python_path(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def up(self, timeout_s: float = PATIENCE_S) -> Device:
        """Wait until the hub is up and configured."""

        def ready() -> bool:
            assert self.process.poll() is None, self.said()
            return self.endpoints is not None

        wait_for(ready, "endpoints.json", timeout_s)
        return self

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    @property
    def endpoints(self) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads((self.state / "endpoints.json").read_text())
        except (OSError, ValueError):
            return None
        return document

    @property
    def processes(self) -> dict[str, Any]:
        """The registry: `hub` and `modules`, each a pid and its start time."""
        document: dict[str, Any] = json.loads((self.state / "processes.json").read_text())
        return document

    def hub(self) -> dict[str, int]:
        """The running hub process."""

        def found() -> dict[str, int] | None:
            with contextlib.suppress(OSError, ValueError):
                entry: dict[str, int] | None = self.processes.get("hub")
                return entry if entry is not None and alive(entry) else None
            return None

        entry: dict[str, int] = wait_for(found, "a running hub")
        return entry

    def module(self, name: str, *, other_than: int = 0) -> dict[str, int]:
        """The running process of a module."""

        def found() -> dict[str, int] | None:
            entry: dict[str, int] | None = self.processes["modules"].get(name)
            return entry if entry is not None and alive(entry) and entry["pid"] != other_than else None

        entry: dict[str, int] = wait_for(found, f"a running {name}")
        return entry

    @property
    def control(self) -> ControlClient:
        assert self.endpoints is not None
        return ControlClient(Path(self.endpoints["control"]))

    def twin(self, module: str, section: str = "reported") -> dict[str, Any]:
        document: dict[str, Any] = self.control.twin(module)[section]
        return document

    def queues(self) -> dict[str, int]:
        """Messages that wait, by endpoint."""
        waiting: dict[str, int] = {}
        for entry in self.control.queues()["queues"]:
            waiting[entry["endpoint"]] = waiting.get(entry["endpoint"], 0) + entry["length"]
        return waiting

    def snapshot(self) -> dict[str, Any]:
        with self._observe("/v1/snapshot") as answer:
            document: dict[str, Any] = json.loads(answer.read())
        return document

    def feed(self, types: str) -> Feed:
        return Feed(self._observe(f"/v1/feed?types={types}"))

    def _observe(self, path: str) -> Any:
        assert self.endpoints is not None
        observer = self.endpoints["observer"]
        request = urllib.request.Request(
            f"{observer['url']}{path}", headers={"Authorization": f"Bearer {observer['token']}"}
        )
        # A feed may be silent for long: a module's back-off, the camera's patience.
        return urllib.request.urlopen(request, timeout=PATIENCE_S)

    def environment_of(self, module: str) -> dict[str, str]:
        """What a module left out by `--without` is to be started with."""
        path = self.state / f"{module}.env"
        text: str = wait_for(lambda: path.exists() and path.read_text(), str(path))
        return dict(shlex.split(line)[0].split("=", 1) for line in text.splitlines())

    def log(self, process: str) -> str:
        return (self.state / "logs" / f"{process}.log").read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL to the supervisor alone."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m edge_runtime NAME ... --state STATE`."""
        return edge_runtime(name, *arguments, "--state", str(self.state))


def edge_runtime(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of the runtime, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "edge_runtime", *arguments],
        cwd=ROOT,
        env={**python_path(), **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@contextlib.contextmanager
def program(
    device: Device, module: str, *arguments: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """A module's program, started by hand with the environment that the runtime gives it."""
    environment = {**python_path(), **device.environment_of(module), **variables}
    log = device.state.with_name(f"{module}.log")
    with log.open("w") as output:
        process = subprocess.Popen(list(arguments), env=environment, stdout=output, stderr=output, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Feed:
    """The observer's feed, read by a thread; use it with `with`."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._documents: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The thread ends with the hub, or with this process.
        return

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            for line in self._response:
                self._documents.put(json.loads(line))

    def until(
        self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The next document that is wanted."""
        deadline = time.monotonic() + timeout_s
        seen = 0
        while True:
            try:
                document = self._documents.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not within {timeout_s:.0f} s among {seen} documents") from None
            seen += 1
            if wanted(document):
                return document

    def stored(self, output: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next message of this output that the hub stored."""
        return self.until(lambda seen: seen["type"] == "stored" and seen["output"] == output, timeout_s)

    def taken(self) -> Iterator[dict[str, Any]]:
        """What has come so far."""
        while not self._documents.empty():
            yield self._documents.get()


def end_all(mark: Path) -> None:
    """SIGKILL to every process of the runtimes whose state lies at `mark`, when their supervisors are gone."""
    for _ in range(3):
        for process in kernel.marked(mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        # A child that its supervisor had just forked bears the mark only once it runs its own program.
        time.sleep(0.05)
