"""Models are timed in turns, and their ratio is what other load leaves of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from image_classifier import runtime
from image_classifier.bundle import load_bundle
from training import interleaving
from training.interleaving import TIMED, WARMING, interleaved_s, ratio, take_turns, times_s


def recorders(names: str) -> tuple[list[str], dict[str, Callable[[], object]]]:
    """Calls that write down their name."""
    calls: list[str] = []
    return calls, {name: partial(calls.append, name) for name in names}


def test_a_turn_is_warming_and_timed_calls_of_one() -> None:
    calls, recorded = recorders("ab")
    sitting = take_turns(recorded, 0)
    turn = WARMING + TIMED
    assert len(calls) == 2 * turn
    assert {"".join(calls[:turn]), "".join(calls[turn:])} == {"a" * turn, "b" * turn}
    assert sitting["a"].shape == sitting["b"].shape == (1, TIMED)


def test_each_round_has_every_one_once_in_an_order_of_its_own() -> None:
    calls, recorded = recorders("abc")
    sitting = take_turns(recorded, 0.01)
    turns = calls[:: WARMING + TIMED]
    rounds = ["".join(turns[i : i + 3]) for i in range(0, len(turns), 3)]
    assert len(rounds) == len(sitting["a"]) > 20
    assert {"".join(sorted(one)) for one in rounds} == {"abc"}
    assert len(set(rounds)) == 6


def test_the_first_calls_of_a_turn_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    calls = 0

    def cold_then_warm() -> None:
        nonlocal clock, calls
        clock += 100.0 if calls % (WARMING + TIMED) < WARMING else 1.0
        calls += 1

    monkeypatch.setattr("training.interleaving.time.perf_counter", lambda: clock)
    assert take_turns({"one": cold_then_warm}, 0)["one"].tolist() == [[1.0] * TIMED]


def test_the_ratio_is_of_rounds_so_that_load_on_a_round_falls_out() -> None:
    load = np.array([[1.0], [9.0], [3.0]])
    reference = np.array([[1.0, 2.0, 50.0]]) * load
    sitting = {"reference": reference, "model": np.array([[0.8, 1.6, 9.0]]) * load}
    found = ratio([sitting], "model", "reference")
    assert (found.lower, found.median, found.upper) == pytest.approx((0.8, 0.8, 0.8))


def test_the_quartiles_are_of_sittings() -> None:
    one = np.ones((3, TIMED))
    sittings = [{"reference": one, "model": one * factor} for factor in (0.7, 0.8, 0.9, 1.0, 5.0)]
    found = ratio(sittings, "model", "reference")
    assert (found.lower, found.median, found.upper) == pytest.approx((0.8, 0.9, 1.0))


def test_every_sitting_makes_new_interpreters_and_tells_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    original = runtime.new_interpreter

    def counted(model: bytes, threads: int) -> object:
        made.append(threads)
        return original(model, threads)

    monkeypatch.setattr(interleaving, "new_interpreter", counted)
    model = load_bundle("fast").model_bytes
    shares: list[float] = []
    sittings = interleaved_s({"one": model, "two": model}, 0.1, threads=2, sittings=4, progress=shares.append)
    assert made == [2] * 8
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert len(sittings) == 4
    times = times_s(sittings, "one")
    assert times.shape == times_s(sittings, "two").shape == (TIMED * sum(len(s["one"]) for s in sittings),)
    assert 0 < times.min() <= times.max() < 5
