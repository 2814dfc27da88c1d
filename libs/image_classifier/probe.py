"""The child's side of `sandbox`: `python -m image_classifier.probe`.

Reads requests, one JSON line each (`folder`, `budgetMs`), and forks for each a process that sets its limits, runs
the model and says step by step what it found. So the imports are paid once, and no model meets a process that
another model ran in. Answers one JSON line a request: `said` (the lines of that process, each an object with
`check`, `refused` or `ok`), `ended` (how it ended, null when well) and `lastWords` (its last line of stderr).

This process itself never sees a model.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import selectors
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

MEMORY_BYTES = 2 << 30
CPU_S = 30
OUTPUT_BYTES = 1 << 20
"""More than this from one model's process ends it: warnings without end would fill the caller's memory."""
_NEW_NETWORK = 0x40000000
_NEW_USER = 0x10000000
_NO_NEW_PRIVILEGES = 38


def isolate() -> None:
    """Give up what no model needs: gaining privileges, and the network where the kernel lets us.

    A network namespace of one's own needs privileges or a user namespace; containers often forbid both. Then
    the model's process keeps the network, as every process of the container does.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.unshare(_NEW_NETWORK) != 0:
        libc.unshare(_NEW_NETWORK | _NEW_USER)


def limit_self() -> None:
    """Bound memory, processor time, files and processes of this process for good."""
    for kind, amount in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _prove(folder: Path, budget_ms: float, said: int) -> None:
    from image_classifier.bundle import load_bundle  # noqa: PLC0415 - a caller's test may need the limits alone
    from image_classifier.checks import Check, check_model  # noqa: PLC0415
    from image_classifier.errors import BundleError, ImageClassifierError  # noqa: PLC0415

    def say(message: dict[str, Any]) -> None:
        os.write(said, json.dumps(message, default=str).encode() + b"\n")

    def report(check: Check) -> None:
        if check.passed:
            say({"check": {"name": check.name, "figure": check.figure}})

    try:
        bundle = load_bundle(folder)
        vectors = check_model(bundle, budget_ms, report)
    except BundleError as error:
        described = {"path": str(error.path), "problem": error.problem, "field": error.field}
        say({"refused": described | {"expected": error.expected, "actual": error.actual}})
    except ImageClassifierError as error:
        say({"refused": {"path": str(folder), "problem": str(error)}})
    except MemoryError:
        say({"refused": {"path": str(folder), "problem": f"needs more than {MEMORY_BYTES >> 20} MiB"}})
    else:
        say({"ok": {"sha256": bundle.sha256, "vectors": vectors}})


def _become_trial(request: dict[str, Any], said: int, words: int) -> NoReturn:
    """Run one model in this process, which is a fork, and end it."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for source, target in ((nothing, 0), (words, 1), (words, 2)):
            os.dup2(source, target)
        os.closerange(3, said)
        os.closerange(said + 1, 64)
        limit_self()
        _prove(Path(request["folder"]), float(request["budgetMs"]), said)
        code = 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, this process must not go on as the server
        text = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        with contextlib.suppress(OSError):
            os.write(2, text + b"\n")
    finally:
        os._exit(code)


def _try(request: dict[str, Any]) -> dict[str, Any]:
    said, words = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _become_trial(request, said[1], words[1])
    os.close(said[1])
    os.close(words[1])
    output = _drain(child, said[0], words[0])
    status = os.waitpid(child, 0)[1]
    last_line = output[words[0]].decode("utf-8", "replace").strip().splitlines()[-1:]
    return {
        "said": output[said[0]].decode("utf-8", "replace").splitlines(),
        "ended": _end(status),
        "lastWords": " ".join(last_line)[:500],
    }


def _drain(child: int, *pipes: int) -> dict[int, bytes]:
    """Everything that comes out of `pipes` until they are closed; kills the child that says too much."""
    output = dict.fromkeys(pipes, b"")
    with selectors.DefaultSelector() as open_pipes:
        for pipe in pipes:
            open_pipes.register(pipe, selectors.EVENT_READ)
        while open_pipes.get_map():
            for key, _ in open_pipes.select():
                chunk = os.read(key.fd, 1 << 16)
                output[key.fd] += chunk
                too_much = len(output[key.fd]) > OUTPUT_BYTES
                if too_much:
                    os.kill(child, signal.SIGKILL)
                if too_much or not chunk:
                    open_pipes.unregister(key.fd)
                    os.close(key.fd)
    return output


def _end(status: int) -> str | None:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}" if code else None


def _serve() -> None:
    import numpy.random  # noqa: F401, PLC0415 - paid once, before the forks

    import image_classifier.checks  # noqa: F401, PLC0415
    from image_classifier.errors import NoRuntimeError  # noqa: PLC0415
    from image_classifier.runtime import load_runtime  # noqa: PLC0415

    with contextlib.suppress(NoRuntimeError):
        load_runtime()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_try(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    isolate()
    _serve()
