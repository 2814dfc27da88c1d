"""How far two runtimes' answers to the same pictures agree, and how far they must."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, sqrt
from typing import Any, Self

import numpy as np

from training.parity.answers import Answers


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still the same model; of n pictures chance may give three standard deviations more.

    Attributes:
        same_answer: least share of pictures with the same most probable label.
        top1: largest difference of the share of right answers.
    """

    same_answer: float
    top1: float

    @staticmethod
    def most(share: float, n: int) -> int:
        """The pictures of n that `share` of all allows for: counts of rare things vary by their square root."""
        return floor(share * n + 3 * sqrt(share * n))


RUNTIMES = Limits(same_answer=0.99, top1=0.003)
"""Between two runtimes of one int8 model: they round otherwise in places, which changes an answer only where two
labels are as good as equal. docs/decisions.md has what was measured."""
QUANTIZATION = Limits(same_answer=0.97, top1=0.005)
"""Between the float model and its int8 form."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of two answers to the same n pictures.

    Attributes:
        first, second: the runtimes in words.
        same: pictures with the same most probable label.
        same_tensor: pictures with the same bytes in the input tensor; must be all.
        largest, mean: the largest difference of a probability, over all and on average over the pictures.
        top1: the share of right answers of each.
    """

    first: str
    second: str
    n: int
    same: int
    same_tensor: int
    largest: float
    mean: float
    top1: tuple[float, float]
    limits: Limits

    @classmethod
    def of(cls, first: Answers, second: Answers, limits: Limits) -> Self:
        """Raises ValueError: they did not answer the same pictures."""
        if not len(first.truths) or not np.array_equal(first.truths, second.truths):
            raise ValueError(f"{first.runtime} and {second.runtime} did not answer the same pictures")
        worst = np.abs(first.probabilities - second.probabilities).max(axis=1)
        return cls(
            first.runtime,
            second.runtime,
            n=len(first.truths),
            same=int((first.probabilities.argmax(1) == second.probabilities.argmax(1)).sum()),
            same_tensor=int((first.tensors == second.tensors).sum()),
            largest=float(worst.max()),
            mean=float(worst.mean()),
            top1=(first.top1, second.top1),
            limits=limits,
        )

    @property
    def same_answer(self) -> float:
        return self.same / self.n

    def broken(self) -> list[str]:
        """The limits that it breaks, in words."""
        other, right = self.n - self.same, round(abs(self.top1[0] - self.top1[1]) * self.n)
        most_other = self.limits.most(1 - self.limits.same_answer, self.n)
        most_right = self.limits.most(self.limits.top1, self.n)
        tests = (
            (other <= most_other, f"{other} of {self.n} have another answer, at most {most_other}"),
            (right <= most_right, f"{right} of {self.n} more are right on one side, at most {most_right}"),
            (
                self.same_tensor == self.n,
                f"{self.n - self.same_tensor} of {self.n} have another input tensor",
            ),
        )
        return [f"{self.first} against {self.second}: {problem}" for good, problem in tests if not good]

    def document(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "second": self.second,
            "n": self.n,
            "sameAnswer": round(self.same_answer, 4),
            "sameTensor": self.same_tensor,
            "largestDifference": round(self.largest, 4),
            "meanDifference": round(self.mean, 5),
            "top1": [round(value, 4) for value in self.top1],
        }
