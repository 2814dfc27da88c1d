"""One bounded load on a service: wrk in a process of its own, over loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError

MAX_CONNECTIONS = 1024
_SCRIPT = Path(__file__).with_name("requests.lua")
_TIMEOUT_S = 10
"""After so long wrk counts a request as broken."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load found. `answered`, `refused`: answers a second with a status below 400, and above.

    Latency in milliseconds, of all answers. `broken`: connections and requests that failed without an answer.
    """

    connections: int
    answered: float
    refused: float
    broken: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


def drive(port: int, requests: Sequence[Path], connections: int, seconds: float) -> Measured:
    """Every connection sends the next of `requests` as soon as its last one is answered.

    Raises:
        BenchmarkError: wrk is missing or fails.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchmarkError("wrk is missing: apt-get install wrk")
    if not 1 <= connections <= MAX_CONNECTIONS:
        raise BenchmarkError(f"{connections} connections; expected 1 to {MAX_CONNECTIONS}")
    length = max(1, round(seconds))
    options = ["-t1", f"-c{connections}", f"-d{length}s", f"--timeout={_TIMEOUT_S}s", f"-s{_SCRIPT}"]
    command = [wrk, *options, f"http://127.0.0.1:{port}", "--", *map(str, requests)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=length + 60, check=False)
    if done.returncode:
        raise BenchmarkError(f"wrk ended with {done.returncode}: {done.stderr or done.stdout}")
    return parse(done.stdout, connections)


def parse(output: str, connections: int) -> Measured:
    """What wrk's script says in its last line."""
    try:
        found = json.loads(output.rstrip().rsplit("\n", 1)[-1])
    except ValueError:
        raise BenchmarkError(f"wrk said nothing that can be read: {output[-400:]}") from None
    seconds = found["us"] / 1e6
    return Measured(
        connections=connections,
        answered=(found["answers"] - found["refused"]) / seconds,
        refused=found["refused"] / seconds,
        broken=found["broken"],
        p50_ms=found["p50"] / 1e3,
        p95_ms=found["p95"] / 1e3,
        p99_ms=found["p99"] / 1e3,
    )
