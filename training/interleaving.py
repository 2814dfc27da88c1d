"""Timing models beside each other: turns on one thread, so that other load falls on all alike.

Two things move the ratio of two models that do not change: other load, which turns of a few milliseconds even out,
and where an interpreter's buffers happen to lie in memory, which is worth some 2 % and lasts as long as the
interpreter. So time is cut into sittings, each with new interpreters, and the spread that is told is theirs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from image_classifier.runtime import new_interpreter

SITTINGS = 10
WARMING = 2
"""Calls at the start of a turn that are not timed, since the other models have filled the caches."""
TIMED = 8
"""Timed calls in a turn; few, so that a round of all models sees the same load."""

Seconds = npt.NDArray[np.float64]
Sitting = Mapping[str, Seconds]
"""Seconds of each timed call by the model's name: (rounds, TIMED)."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times another model's time a model takes: median and quartiles over the sittings."""

    median: float
    lower: float
    upper: float


def interleaved_s(
    models: Mapping[str, bytes],
    seconds: float,
    *,
    threads: int = 1,
    sittings: int = SITTINGS,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Sitting]:
    """Time one invocation of each model, without setting its input or reading its answer.

    Args:
        models: the `.tflite` files' bytes; the runtime must be known to accept them.
        seconds: measuring time of all together.
        threads: threads of the runtime for one invocation.
        sittings: how often interpreters are made anew.
        progress: is told the share of the time that has passed, in [0, 1], after each sitting.
    """
    done = []
    for number in range(sittings):
        interpreters = {name: _ready(model, threads) for name, model in models.items()}
        calls = {name: interpreter.invoke for name, interpreter in interpreters.items()}
        done.append(take_turns(calls, seconds / sittings, seed=number))
        progress((number + 1) / sittings)
    return done


def take_turns(calls: Mapping[str, Callable[[], object]], seconds: float, seed: int = 0) -> Sitting:
    """Time calls in rounds, at least one: a round is one turn of each, in an order that is drawn anew.

    With an order that stays, each would always follow the same other and find the caches as that one left them.
    """
    draw = np.random.default_rng(seed)
    names = list(calls)
    turns: dict[str, list[list[float]]] = {name: [] for name in names}
    end = time.monotonic() + seconds
    while True:
        for index in draw.permutation(len(names)):
            turns[names[index]].append(_turn(calls[names[index]]))
        if time.monotonic() >= end:
            return {name: np.array(times) for name, times in turns.items()}


def times_s(sittings: Sequence[Sitting], name: str) -> Seconds:
    """Every timed call of a model: (calls,)."""
    return np.concatenate([sitting[name].ravel() for sitting in sittings])


def ratio(sittings: Sequence[Sitting], name: str, reference: str) -> Ratio:
    """A model's time by the reference's: of each round the two medians, of each sitting the median round."""
    of_sittings = [
        np.median(np.median(sitting[name], axis=1) / np.median(sitting[reference], axis=1))
        for sitting in sittings
    ]
    lower, median, upper = np.percentile(of_sittings, [25, 50, 75])
    return Ratio(float(median), float(lower), float(upper))


def _ready(model: bytes, threads: int) -> Any:
    interpreter = new_interpreter(model, threads)
    detail = interpreter.get_input_details()[0]
    interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    return interpreter


def _turn(call: Callable[[], object]) -> list[float]:
    for _ in range(WARMING):
        call()
    return [_timed(call) for _ in range(TIMED)]


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
