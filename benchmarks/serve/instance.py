"""One start of a service: until it answers, what its processes hold, and its end."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.processes import Usage
from benchmarks.serve.subjects import ADDRESS, Place, Subject

_PATIENCE_S = 120.0
_ENDS_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Instance:
    """A service that answers. `ready_s`: from its start to its first answer to a picture."""

    pid: int
    port: int
    requests: tuple[Path, ...]
    ready_s: float

    def rss_mb(self) -> list[float]:
        """Resident memory of each of its processes in units of 1,000,000 bytes, the greatest first."""
        found = []
        for pid in tree(self.pid):
            with contextlib.suppress(ProcessLookupError):
                found.append(Usage.of(pid).rss_bytes / 1e6)
        return sorted(found, reverse=True)

    def processor_s(self) -> float:
        """Processor time of all its processes until now, to 10 ms each."""
        return sum(Usage.of(pid).cpu_s for pid in tree(self.pid))


@contextmanager
def started(subject: Subject, python: str, place: Place, pictures: Sequence[bytes]) -> Iterator[Instance]:
    """A service that has answered a picture; at the end no process of it is left.

    Raises:
        BenchmarkError: it ended, or does not answer.
    """
    requests = []
    for number, picture in enumerate(pictures):
        requests.append(place.folder / f"request-{number}")
        requests[-1].write_bytes(subject.request(picture, place.port))
    command, log = subject.command(python, place), place.folder / "output.log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=place.folder,
            env=subject.environment(place),
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        while not _answers(subject, place.port, pictures[0]):
            if process.poll() is not None or time.monotonic() - began > _PATIENCE_S:
                raise BenchmarkError(f"{subject.name} does not answer:\n{log.read_text()[-4000:]}")
            time.sleep(0.01)
        yield Instance(process.pid, place.port, tuple(requests), time.monotonic() - began)
    finally:
        _end(process)


def tree(pid: int) -> list[int]:
    """A process and all that it started, children of children too."""
    found, children = [pid], Path(f"/proc/{pid}/task")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in list(children.iterdir()):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for child in (thread / "children").read_text().split():
                    found += tree(int(child))
    return found


def _answers(subject: Subject, port: int, picture: bytes) -> bool:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=5)
    headers = {"Content-Type": subject.media_type, **subject.headers}
    try:
        connection.request("POST", subject.path, subject.body(picture), headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if answer.status in {401, 405, 413, 415, 422}:  # not 400, by which MLServer says that it is not ready yet
        raise BenchmarkError(f"{subject.name} refuses the picture with {answer.status}: {text[:400]!r}")
    return answer.status == 200


def _end(process: subprocess.Popen[bytes]) -> None:
    started_by_it = tree(process.pid)[1:]
    process.terminate()
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in started_by_it:  # some services leave workers behind
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
