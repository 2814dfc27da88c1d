"""Trying a model in a child process first: TFLite is native code, and a hostile file can end a process.

What the parent interprets afterwards is exactly what the child survived: the child reports the hash of the
bytes that it ran, and the parent's `Bundle` holds the bytes that it hashed itself. What can be read without
native code (`checks.check_files`) is proven before any child sees the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from image_classifier.bundle import Bundle
from image_classifier.checks import DEFAULT_BUDGET_MS, Check, Report, check_files
from image_classifier.errors import BundleError, UnsafeModelError

TIMEOUT_S = 60.0
ENDS_WITHIN_S = 2.0
MAX_ANSWER_BYTES = 4 << 20
CHILD_STEPS = ("runtime", "golden vectors", "finite answers", "time")
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME", "TMPDIR")
"""Of the environment, what an interpreter needs to start; keys and connection strings stay with the parent."""


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """A bundle whose model was run in a child process and gave its golden vectors."""

    bundle: Bundle
    vectors: int
    checks: tuple[Check, ...]


def check_bundle(
    name_or_path: str | Path,
    timeout_s: float = TIMEOUT_S,
    budget_ms: float = DEFAULT_BUDGET_MS,
    report: Report | None = None,
) -> CheckedBundle:
    """Prove a bundle: document, hash and file here, then the model in a child process with resource limits.

    Blocks for about half a second on a desktop and some seconds on a small Arm board; call it from a thread
    when a loop runs.

    Args:
        name_or_path: as `find_bundle` takes it.
        timeout_s: for all that happens in the child.
        budget_ms: greatest median time of one inference.
        report: called with each check as it passes, and with the one that fails.

    Raises:
        BundleNotFoundError: no such bundle.
        BundleError: the bundle is wrong; the message is the same as if it had been loaded here.
        UnsafeModelError: the child crashed, was killed by a limit, or ran out of time.
    """
    with Sandbox() as sandbox:
        return sandbox.check(name_or_path, timeout_s, budget_ms, report)


class Sandbox:
    """A child process that tries one model after the other, each in a fork of its own with its own limits.

    For many bundles: the interpreter's start is paid once. Not for several threads.
    """

    def __init__(self) -> None:
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget_child()

    def _forget_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def check(
        self,
        name_or_path: str | Path,
        timeout_s: float = TIMEOUT_S,
        budget_ms: float = DEFAULT_BUDGET_MS,
        report: Report | None = None,
    ) -> CheckedBundle:
        """As `check_bundle`."""
        checks: list[Check] = []

        def note(check: Check) -> None:
            checks.append(check)
            if report is not None:
                report(check)

        bundle = check_files(name_or_path, note)
        answer = self._ask(bundle, timeout_s, budget_ms, note)
        return CheckedBundle(bundle, _proven_vectors(bundle, answer, note), tuple(checks))

    def _ask(self, bundle: Bundle, timeout_s: float, budget_ms: float, note: Report) -> _Answer:
        request = json.dumps({"folder": str(bundle.folder), "budgetMs": budget_ms})
        deadline = time.monotonic() + timeout_s
        if self._child is None:
            self._child = _Child()
        try:
            return _read_answer(self._child.exchange(request.encode() + b"\n", deadline))
        except TimeoutError:
            problem = f"no answer from the model within {timeout_s:g} s"
        except (OSError, ValueError, LookupError, TypeError):
            problem = f"the model ended the process that tried it: {self._child.end()}"
        self._forget_child()
        error = UnsafeModelError(bundle.model_path, problem)
        note(Check(CHILD_STEPS[0], passed=False, figure=str(error)))
        raise error


class _Child:
    """The process of `probe` and the line to it."""

    def __init__(self) -> None:
        inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        search = [str(Path(__file__).parents[1]), *filter(None, inherited)]
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # -P: a file in the working directory must not pass for a module of ours.
                [sys.executable, "-P", "-m", "image_classifier.probe"],
                env={name: os.environ[name] for name in _KEPT if name in os.environ}
                | {"PYTHONPATH": os.pathsep.join(search), "OPENBLAS_NUM_THREADS": "1"},
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

    def exchange(self, request: bytes, deadline: float) -> bytes:
        """Send one line, get one.

        Raises:
            TimeoutError: nothing came before `deadline` (`time.monotonic`).
            OSError: the child is gone, or says more than any answer is long.
        """
        answer = b""
        self._line.sendall(request)
        while not answer.endswith(b"\n"):
            self._line.settimeout(max(0.001, deadline - time.monotonic()))
            chunk = self._line.recv(1 << 16)
            answer += chunk
            if not chunk or len(answer) > MAX_ANSWER_BYTES:
                raise ConnectionError
        return answer

    def end(self) -> str:
        """How a child ended that has closed its line."""
        try:
            code = self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            return "it talks nonsense"
        if code < 0:
            return signal.Signals(-code).name
        errors = self._process.stderr.read() if self._process.stderr else b""
        last_line = errors.decode("utf-8", "replace").strip().splitlines()[-1:]
        return f"exit code {code} {' '.join(last_line)}".strip()

    def kill(self) -> None:
        """Kill the child and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._line.close()
        if self._process.stderr is not None:
            self._process.stderr.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of one model: checks that passed, then how its process died, or a refusal, or the proof."""

    passed: list[Check]
    died: str | None
    refusal: BundleError | None
    sha256: str
    vectors: int


def _read_answer(line: bytes) -> _Answer:
    """The child's line; any exception of a look-up or a conversion means that it talks nonsense."""
    answer = json.loads(line)
    messages = [json.loads(text) for text in answer["said"]]
    found = [message["check"] for message in messages if "check" in message]
    last = dict(messages[-1]) if messages else {}
    died = None if answer["ended"] is None else f"{answer['ended']} {answer['lastWords']}".strip()
    refused = last.get("refused")
    refusal = None if refused is None else BundleError(Path(refused.pop("path")), **refused)
    proven: dict[str, Any] = {"sha256": "", "vectors": 0} if died or refusal else last["ok"]
    return _Answer(
        passed=[Check(str(check["name"]), passed=True, figure=str(check["figure"])) for check in found],
        died=died,
        refusal=refusal,
        sha256=str(proven["sha256"]),
        vectors=int(proven["vectors"]),
    )


def _proven_vectors(bundle: Bundle, answer: _Answer, note: Report) -> int:
    """Number of golden vectors that the model gave.

    Raises:
        BundleError: what the child met.
    """
    for check in answer.passed:
        note(check)
    doing = CHILD_STEPS[min(len(answer.passed), len(CHILD_STEPS) - 1)]
    error = answer.refusal
    if answer.died is not None:
        problem = f"the model ended the process that tried it: {answer.died} (check: {doing})"
        error = UnsafeModelError(bundle.model_path, problem)
    elif error is None and answer.sha256 != bundle.sha256:
        problem = "the file changed while it was checked"
        error = BundleError(
            bundle.model_path, problem, field="sha256", expected=bundle.sha256, actual=answer.sha256
        )
    if error is not None:
        note(Check(doing, passed=False, figure=str(error)))
        raise error
    return answer.vectors
