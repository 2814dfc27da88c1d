"""Trying a model in a child process first: TFLite is native code, and a hostile file can end a process.

What the parent interprets afterwards is exactly what the child survived: the child reports the hash of the
bytes that it ran, and the parent's `Bundle` holds the bytes that it hashed itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.errors import BundleError, UnsafeModelError

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """A bundle whose model was run in a child process and gave its golden vectors."""

    bundle: Bundle
    vectors: int


def check_bundle(name_or_path: str | Path, timeout_s: float = TIMEOUT_S) -> CheckedBundle:
    """Prove a bundle: document, hash, then model and golden vectors in a child process with resource limits.

    Blocks for about a third of a second on a desktop and some seconds on a small Arm board; call it from a
    thread when a loop runs.

    Raises:
        BundleNotFoundError: no such bundle.
        BundleError: the bundle is wrong; the message is the same as if it had been loaded here.
        UnsafeModelError: the child crashed, was killed by a limit, or ran out of time.
    """
    bundle = load_bundle(name_or_path)
    answer = _ask_child(bundle, timeout_s)
    refused = answer.get("refused")
    if refused is not None:
        raise BundleError(Path(refused.pop("path")), refused.pop("problem"), **refused)
    proven = answer["ok"]
    if proven["sha256"] != bundle.sha256:
        problem = "the file changed while it was checked"
        raise BundleError(
            bundle.model_path, problem, field="sha256", expected=bundle.sha256, actual=proven["sha256"]
        )
    return CheckedBundle(bundle, int(proven["vectors"]))


def _ask_child(bundle: Bundle, timeout_s: float) -> dict[str, Any]:
    search = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONFAULTHANDLER": "0",
    }
    command = [sys.executable, "-m", "image_classifier.probe", str(bundle.folder)]
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter and module
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnsafeModelError(
            bundle.model_path, f"no answer from the model within {timeout_s:g} s"
        ) from None
    try:
        answer = json.loads(child.stdout)
    except ValueError:
        answer = None
    if child.returncode != 0 or not isinstance(answer, dict):
        raise UnsafeModelError(bundle.model_path, f"the model ended the process that tried it: {_end(child)}")
    return answer


def _end(child: subprocess.CompletedProcess[bytes]) -> str:
    if child.returncode < 0:
        return signal.Signals(-child.returncode).name
    last_line = child.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"exit code {child.returncode} {' '.join(last_line)}".strip()
