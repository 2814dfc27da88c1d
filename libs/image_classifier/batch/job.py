"""One table from one input: list, score what no earlier run has, join."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from image_classifier.batch import journal as journals
from image_classifier.batch import table
from image_classifier.batch.errors import BatchError
from image_classifier.batch.journal import Journal
from image_classifier.batch.scoring import Scores
from image_classifier.batch.workers import Task, Workers
from image_classifier.bundle import Bundle
from image_classifier.runtime import load_runtime

Progress = Callable[[int, int], None]
"""Told how many entries of how many are done, those of an earlier run too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """tally: of the whole table. taken_up: entries that an earlier run had scored."""

    tally: table.Tally
    taken_up: int
    ignored: dict[str, int]


def run(
    bundle: Bundle, source: Path, out: Path, workers: int, *, restart: bool, progress: Progress
) -> Outcome:
    """Score everything in `source` into the Parquet file `out`, with `workers` processes.

    A run that was stopped or killed is gone on with when the arguments are the same; what it leaves lies in
    `out` + `.work`, and is removed at the end.

    Raises:
        MissingExtraError: pyarrow is not installed.
        BatchError: the input, the output or the work of an earlier run cannot be used.
    """
    table.check_extra()
    source, out = source.resolve(), out.absolute()
    folder = journals.work_folder(out)
    if out.is_dir():
        raise BatchError(f"{out}: is a folder; name a file for the table")
    with journals.locked(folder):
        if restart:
            journals.clear(folder)
        try:
            _refuse_to_replace(out, folder, restart)
            outcome = _run(bundle, source, out, workers, folder, progress)
        except BatchError:
            if not journals.begun(folder):
                journals.discard(folder)
            raise
        journals.discard(folder)
    return outcome


def _refuse_to_replace(out: Path, folder: Path, restart: bool) -> None:
    if out.exists() and not restart and not journals.begun(folder):
        raise BatchError(f"{out}: exists; --restart scores anew and replaces it, or name another file")


def _run(bundle: Bundle, source: Path, out: Path, workers: int, folder: Path, progress: Progress) -> Outcome:
    identity = {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256}
    runtime = load_runtime()
    about = {"bundle": identity, "runtime": f"{runtime.distribution} {runtime.version}"}
    journal = journals.open_journal(folder, source, about, workers)
    done = table.done_parts(journal)
    taken_up = sum(len(journal.part(number)) for number in done)
    total = len(journal.entries)
    progress(taken_up, total)
    missing = [number for number in range(journal.parts) if number not in done]
    finished = taken_up
    if missing:
        with Workers(bundle, min(workers, len(missing))) as processes:
            for number, scores in _parts(journal, processes, missing):
                entries = journal.part(number)
                table.write_part(journal, number, table.columns(bundle, entries, scores))
                finished += len(entries)
                progress(finished, total)
    tally = table.join(journal, out, about | {"labels": list(bundle.labels), "margin": bundle.margin})
    return Outcome(tally, taken_up, journal.ignored)


def _parts(journal: Journal, processes: Workers, missing: list[int]) -> Iterator[tuple[int, Scores]]:
    """Whole parts: one that had to be tried in pieces is put together again."""
    begun: dict[int, tuple[Scores, int]] = {}
    tasks = (Task(number, 0, journal.part(number)) for number in missing)
    for task, scores in processes.score(tasks):
        size = len(journal.part(task.part))
        if len(task.entries) == size:
            yield task.part, scores
            continue
        whole, have = begun.pop(task.part, (Scores.empty(size, scores.probabilities.shape[1]), 0))
        end = task.start + len(task.entries)
        whole.probabilities[task.start : end] = scores.probabilities
        whole.truths[task.start : end] = scores.truths
        whole.failures |= {task.start + place: failure for place, failure in scores.failures.items()}
        have += len(task.entries)
        if have == size:
            yield task.part, whole
        else:
            begun[task.part] = (whole, have)
