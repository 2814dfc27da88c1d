"""Worker processes: the same scores as one process, and one that is killed costs one picture."""

from __future__ import annotations

import dataclasses
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from image_classifier.batch import workers
from image_classifier.batch.entries import Entry, Kind
from image_classifier.batch.errors import BatchError
from image_classifier.batch.reading import PictureReader
from image_classifier.batch.scoring import Scores, score
from image_classifier.batch.workers import Task, Workers
from image_classifier.bundle import Bundle
from image_classifier.classifier import Classifier
from tests.image_classifier.batch import deadly as deadly_worker
from tests.image_classifier.tiny_model import encode, plain


def pictures(folder: Path, count: int) -> tuple[Entry, ...]:
    made = []
    for number in range(count):
        file = folder / f"{number:04}.png"
        file.write_bytes(encode(plain((number % 256, 120, 250 - number % 256))))
        made.append(Entry(Kind.FILE, file.name, str(file)))
    return tuple(made)


def test_as_in_one_process(tiny_bundle: Bundle, tmp_path: Path) -> None:
    entries = pictures(tmp_path, 200)
    (tmp_path / "0007.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with PictureReader() as reader:
        alone = score(Classifier(tiny_bundle), reader, entries)
    assert alone.failures == {7: ("truncated", "the PNG has no end chunk")}
    with Workers(tiny_bundle, 3) as processes:
        tasks = [Task(part, 0, entries[part * 30 : part * 30 + 30]) for part in range(7)]
        found = {task.part: scores for task, scores in processes.score(tasks)}
    together = np.concatenate([found[part].probabilities for part in range(7)])
    np.testing.assert_array_equal(together, alone.probabilities)
    assert [part for part in range(7) if found[part].failures] == [0]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("deadly", [{0, 11}, {6}])
def test_a_picture_that_kills_its_worker_is_found_and_costs_no_other(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deadly: set[int]
) -> None:
    entries = list(pictures(tmp_path, 12))
    with PictureReader() as reader:
        expected = score(Classifier(tiny_bundle), reader, entries).probabilities
    for place in deadly:
        entries[place] = dataclasses.replace(entries[place], detail="deadly")
        expected[place] = 0
    monkeypatch.setattr(workers, "_work", deadly_worker.work)
    whole = Scores.empty(12, 3)
    seen: list[int] = []
    with Workers(tiny_bundle, 2) as processes:
        tasks = [Task(0, start, tuple(entries[start : start + 4])) for start in (0, 4, 8)]
        for task, scores in processes.score(tasks):
            end = task.start + len(task.entries)
            seen += range(task.start, end)
            whole.probabilities[task.start : end] = scores.probabilities
            whole.failures |= {task.start + place: why for place, why in scores.failures.items()}
    assert sorted(seen) == list(range(12))
    why = ("worker_died", "the process that read it ended by SIGKILL")
    assert whole.failures == dict.fromkeys(deadly, why)
    np.testing.assert_array_equal(whole.probabilities, expected)


def test_workers_that_die_before_they_score_anything_end_the_run(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_work", deadly_worker.die)
    with (
        Workers(tiny_bundle, 2) as processes,
        pytest.raises(
            BatchError, match=r"a worker ended by SIGKILL before it could score anything; try fewer"
        ),
    ):
        list(processes.score([Task(0, 0, pictures(tmp_path, 2))]))
    assert not multiprocessing.active_children()


def test_tasks_larger_than_a_pipe_s_buffer_do_not_stop_each_other(tiny_bundle: Bundle) -> None:
    long = "x" * 200
    entries = tuple(
        Entry(Kind.BAD, f"{number}{long}", long, 0, 0, "unreadable", long) for number in range(20_000)
    )
    with Workers(tiny_bundle, 1) as processes:
        done = [task.part for task, _ in processes.score(Task(part, 0, entries) for part in range(3))]
    assert done == [0, 1, 2]


def test_a_model_that_no_worker_can_load_ends_the_run(tiny_bundle: Bundle, tmp_path: Path) -> None:
    wrong = dataclasses.replace(tiny_bundle, labels=("red", "green"))
    with (
        Workers(wrong, 1) as processes,
        pytest.raises(BatchError, match=r"a worker cannot start: .*labels"),
    ):
        list(processes.score([Task(0, 0, pictures(tmp_path, 1))]))
