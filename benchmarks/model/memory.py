"""What an interpreter of a model costs in memory, measured in a process of its own.

`python -m benchmarks.model.memory BYTES THREADS` is the child's side: it reads a model of BYTES bytes from standard
input and prints one JSON line. The child also shows that the model does not end a process, before the benchmark
itself loads it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import image_classifier
from benchmarks.errors import BenchmarkError
from image_classifier.runtime import load_runtime, new_interpreter

TIMEOUT_S = 60.0
INVOCATIONS = 5
ROOTS = (Path(__file__).parents[2], Path(image_classifier.__file__).parents[1])
_STATUS = Path("/proc/self/status")


def peak_bytes(path: Path, content: bytes, threads: int) -> int | None:
    """Most memory that the model cost its process: the file's bytes, packed weights, arena.

    It is what the process held at its peak above what it held with the runtime and NumPy imported, without pages of
    the runtime's own library, which are the same for every model. None where there is no Linux to tell it.

    Raises:
        BenchmarkError: the model ended the process, or the runtime refused it; `path` is for the error's text.
    """
    command = [sys.executable, "-m", "benchmarks.model.memory", str(len(content)), str(threads)]
    try:
        child = subprocess.run(
            command,
            input=content,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, ROOTS)), "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{path}: {INVOCATIONS} invocations took more than {TIMEOUT_S:g} s") from None
    if child.returncode:
        raise BenchmarkError(f"{path}: the model cannot be run: {_end(child)}")
    told: dict[str, int | None] = json.loads(child.stdout)
    return told["peakBytes"]


def _end(child: subprocess.CompletedProcess[bytes]) -> str:
    if child.returncode < 0:
        return f"it ended the process ({signal.Signals(-child.returncode).name})"
    return (child.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[-1]


def _own_peak_bytes(size: int, threads: int) -> int | None:
    load_runtime()
    if not _STATUS.exists():
        return None
    with suppress(OSError):  # some containers forbid it; what importing took at its peak then hides a part
        Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes()
    # a read of known size takes no more than that; one to the end would grow a buffer and copy it
    interpreter = new_interpreter(sys.stdin.buffer.read(size), threads)
    for _ in range(INVOCATIONS):
        interpreter.invoke()
    grown = {key: value - before[key] for key, value in _status_bytes().items()}
    return max(0, grown["VmHWM"] - grown["RssFile"])


def _status_bytes() -> dict[str, int]:
    pairs = (line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return {key: int(value.split()[0]) * 1024 for key, value in pairs if key in ("VmHWM", "RssFile")}


if __name__ == "__main__":
    print(json.dumps({"peakBytes": _own_peak_bytes(int(sys.argv[1]), int(sys.argv[2]))}))
