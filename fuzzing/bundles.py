"""Mutants of a bundle against everything that loads bundles: none may crash the process that loads it.

A worker stands for that process (the classifier module): it checks each mutant as `check_bundle` does, and loads
and uses those that pass. The supervisor watches the worker from outside, so that even a native crash or an
endless loop in it is a finding with a number, and not the end of the run.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzzing.findings import Finding, Findings
from fuzzing.mutations import Mutant, mutate
from image_classifier.bundle import DOCUMENT, Bundle, load_bundle
from image_classifier.checks import Check
from image_classifier.classifier import Classifier
from image_classifier.errors import BundleError, ImageClassifierError, UnsafeModelError
from image_classifier.sandbox import CHILD_STEPS, Sandbox

TRIAL_TIMEOUT_S = 20.0
STALLED_AFTER_S = 120.0
BEFORE_NATIVE = "refused before native code"
_READY = "ready"
IN_CHILD = "refused in the child"
PASSED = "passed, loaded and used"


@dataclass(frozen=True, slots=True)
class Task:
    """Mutants `numbers` of the sequence `seed` of a bundle."""

    folder: Path
    seed: int
    numbers: range
    attempt: Callable[[Sandbox, Path], str] | None = None
    """What is done to each mutant, `try_bundle` if None; must be importable by name."""


def write_mutant(task: Task, number: int, folder: Path) -> Mutant:
    """Put mutant `number` into `folder`, as a bundle."""
    mutant = _mutant(task, number)
    file: str = json.loads((task.folder / DOCUMENT).read_text("utf-8"))["file"]
    (folder / file).write_bytes(mutant.model)
    (folder / DOCUMENT).write_bytes(mutant.document)
    return mutant


def _mutant(task: Task, number: int) -> Mutant:
    document = json.loads((task.folder / DOCUMENT).read_text("utf-8"))
    return mutate(document, (task.folder / document["file"]).read_bytes(), task.seed, number)


def try_bundle(sandbox: Sandbox, folder: Path) -> str:
    """Check a bundle, load and use it if it is good; the outcome in words.

    Raises:
        Exception: whatever is no refusal, which is a finding.
    """
    checks: list[Check] = []
    try:
        bundle = sandbox.check(folder, TRIAL_TIMEOUT_S, report=checks.append).bundle
        _use(bundle)
    except ImageClassifierError as error:
        # What is said must be sayable: logs, metrics and the twin take UTF-8 and JSON.
        json.dumps([str(error), *(check.figure for check in checks)], ensure_ascii=False).encode("utf-8")
        if isinstance(error, UnsafeModelError):
            end = re.search(r"SIG[A-Z]+|exit code \d+|no answer", error.problem)
            return f"child: {end[0] if end else error.problem}"
        if not isinstance(error, BundleError):
            raise
        failed = checks[-1].name
        return f"{IN_CHILD}: {failed}" if failed in CHILD_STEPS else f"{BEFORE_NATIVE}: {failed}"
    return PASSED


def _use(bundle: Bundle) -> None:
    classifier = Classifier(bundle)
    for vector in bundle.golden_vectors:
        answer = classifier.classify(vector.image)
        json.dumps([candidate.label for candidate in answer.top], ensure_ascii=False).encode("utf-8")


def fuzz(
    task: Task,
    workers: int = 1,
    progress: Callable[[Findings], None] | None = None,
    stalled_after_s: float = STALLED_AFTER_S,
) -> Findings:
    """Try every mutant of the task in `workers` processes; `progress` is called after each."""
    started, results = time.monotonic(), Findings()
    load_bundle(task.folder)
    shares = [
        replace(task, numbers=task.numbers[first::workers])
        for first in range(min(workers, len(task.numbers)))
    ]
    # the folder is the supervisor's: a worker that is killed could not remove its own
    with TemporaryDirectory(prefix="fuzz-") as place:
        running = [_Worker(share, Path(place)) for share in shares]
        try:
            while running:
                ready = wait([worker.pipe for worker in running], timeout=1.0)
                for worker in list(running):
                    if worker.pipe in ready:
                        worker.hear(results)
                    elif worker.silent_s > stalled_after_s:
                        worker.process.kill()
                    if worker.finished:
                        running.remove(worker)
                    results.seconds = time.monotonic() - started
                    if progress is not None:
                        progress(results)
        finally:
            for worker in running:
                worker.process.kill()
                worker.process.join()
    return results


class _Worker:
    """A process that tries mutants, started again after the one that ended it."""

    def __init__(self, task: Task, place: Path) -> None:
        self._task = task
        self._place = place
        self._start(task.numbers)

    def _start(self, numbers: range) -> None:
        self._left = numbers
        self._heard: float | None = None
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe(duplex=False)
        task = replace(self._task, numbers=numbers)
        self.process: BaseProcess = context.Process(
            target=_work, args=(task, self._place, theirs), daemon=False
        )
        self.process.start()
        theirs.close()

    @property
    def silent_s(self) -> float:
        """Time since the last result; a worker that still starts is not silent."""
        return 0.0 if self._heard is None else time.monotonic() - self._heard

    @property
    def finished(self) -> bool:
        return not self._left

    def hear(self, results: Findings) -> None:
        """Take one result, or the end of a worker that died."""
        silent_s = self.silent_s
        self._heard = time.monotonic()
        try:
            message = self.pipe.recv()
            if message == _READY:
                return
            kind, outcome, trace = message
        except EOFError:
            self.process.join()
            code = self.process.exitcode or 0
            kind = _mutant(self._task, self._left[0]).kind
            outcome = f"PARENT: {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"
            trace = f"{outcome} after {silent_s:.0f} s"
        number, self._left = self._left[0], self._left[1:]
        results.add(number, kind, outcome)
        if trace:
            results.findings.append(Finding(number, kind, trace))
        if not self._left or outcome.startswith("PARENT: "):
            self.process.join()
            self.pipe.close()
            if self._left:
                self._start(self._left)


def _work(task: Task, temporary: Path, results: Connection) -> None:
    # Ctrl-C reaches the whole group; the supervisor ends its workers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with TemporaryDirectory(dir=temporary) as place, Sandbox() as sandbox:
        results.send(_READY)
        for number in task.numbers:
            mutant = write_mutant(task, number, Path(place))
            try:
                outcome, trace = (task.attempt or try_bundle)(sandbox, Path(place)), ""
            except Exception as error:  # noqa: BLE001 - any exception that is no refusal is what we look for
                outcome, trace = f"RAISED: {type(error).__name__}", traceback.format_exc()
            results.send((mutant.kind, outcome, trace))
