"""What the cores do when nothing is in the way: each scores pictures in its memory, one after the other."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Pace:
    """pictures_per_s: by the clock, of all cores together. cpu_s: processor time of one picture."""

    pictures_per_s: float
    cpu_s: float


def bare_loop(bundle: str, pictures: Sequence[bytes], cores: int) -> Pace:
    """Each of `cores` processes scores its share of the encoded `pictures`; loading the model is not timed."""
    context = multiprocessing.get_context("spawn")
    start, done = context.Barrier(cores), context.Queue()
    shares = [list(pictures[core::cores]) for core in range(cores)]
    processes = [context.Process(target=_loop, args=(bundle, share, start, done)) for share in shares]
    for process in processes:
        process.start()
    found = [done.get() for _ in processes]
    for process in processes:
        process.join()
    return Pace(
        pictures_per_s=sum(count / took_s for count, took_s, _ in found),
        cpu_s=sum(cpu_s for _, _, cpu_s in found) / sum(count for count, _, _ in found),
    )


def _loop(bundle: str, pictures: list[bytes], start: Barrier, done: Queue[tuple[int, float, float]]) -> None:
    classifier = Classifier(load_bundle(bundle))
    start.wait()
    began, worked = time.perf_counter(), time.process_time()
    for picture in pictures:
        classifier.probabilities(classifier.tensor(picture))
    done.put((len(pictures), time.perf_counter() - began, time.process_time() - worked))
