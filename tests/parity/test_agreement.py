"""What counts as agreement, and what breaks a limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.parity.agreement import Agreement, Limits
from training.parity.answers import Answers

LIMITS = Limits(same_answer=0.75, top1=0.25)


def answers(rows: list[list[float]], truths: list[int], runtime: str = "here") -> Answers:
    return Answers(
        runtime,
        np.array(truths, np.int64),
        np.array(rows, np.float32),
        np.array([f"{number:064}" for number in range(len(rows))]),
        np.zeros((0, 2), np.float32),
    )


FIRST = answers([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], [0, 1, 0, 0])


def test_numbers() -> None:
    second = answers([[0.8, 0.2], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]], [0, 1, 0, 0], "there")
    found = Agreement.of(FIRST, second, LIMITS)
    assert (found.n, found.same, found.same_tensor, found.top1) == (4, 3, 4, (0.75, 0.5))
    assert found.largest == pytest.approx(0.2)
    assert found.mean == pytest.approx((0.1 + 0 + 0.2 + 0) / 4)
    assert found.broken() == []
    assert found.document()["sameAnswer"] == 0.75


@pytest.mark.parametrize(
    ("rows", "tensors", "problem"),
    [
        (
            [[0.1, 0.9], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]],
            None,
            "200 of 400 have another answer, at most 130",
        ),
        (
            [[0.1, 0.9], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]],
            None,
            "300 of 400 more are right on one side, at most 130",
        ),
        ([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], "other", "1 of 400 have another input tensor"),
    ],
)
def test_a_broken_limit_is_told(rows: list[list[float]], tensors: str | None, problem: str) -> None:
    hundredfold = np.tile(np.arange(4), 100)
    second = answers(rows, [0, 1, 0, 0], "there").take(hundredfold)
    if tensors:
        second = replace(second, tensors=np.array([*second.tensors[:399], tensors]))
    found = Agreement.of(FIRST.take(hundredfold), second, LIMITS)
    assert f"here against there: {problem}" in found.broken()


@pytest.mark.parametrize(("n", "most"), [(200, 6), (500, 11), (10_000, 130)])
def test_of_few_pictures_chance_gives_more(n: int, most: int) -> None:
    assert Limits.most(0.01, n) == most


def test_other_pictures_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="here and there did not answer the same pictures"):
        Agreement.of(FIRST, answers([[1, 0]] * 4, [1, 1, 0, 0], "there"), LIMITS)
    with pytest.raises(ValueError, match="did not answer the same"):
        Agreement.of(FIRST.take(np.arange(0)), FIRST.take(np.arange(0)), LIMITS)


def test_answers_survive_a_file(tmp_path: Path) -> None:
    FIRST.save(tmp_path / "a.npz")
    read = Answers.load(tmp_path / "a.npz")
    assert read.runtime == "here"
    for name in ("truths", "probabilities", "tensors", "golden"):
        assert np.array_equal(getattr(read, name), getattr(FIRST, name))


def test_answers_must_be_as_many_as_truths() -> None:
    with pytest.raises(ValueError, match="3 truths"):
        replace(FIRST, truths=FIRST.truths[:3])
