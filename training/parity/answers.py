"""What one runtime on one machine says of a bundle's golden vectors and of labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]
Truths = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Answers:
    """Of n pictures, in their order.

    Attributes:
        runtime: distribution, version, machine and kernels, in words.
        truths: int64 (n,), numbers of the labels.
        probabilities: float32 (n, labels).
        tensors: sha256 of each picture's input tensor, (n,).
        golden: float32 (vectors, labels), what the bundle's golden vectors get.
    """

    runtime: str
    truths: Truths
    probabilities: Probabilities
    tensors: Hashes
    golden: Probabilities

    def __post_init__(self) -> None:
        n = len(self.truths)
        if len(self.probabilities) != n or self.tensors.shape != (n,) or self.probabilities.ndim != 2:
            raise ValueError(
                f"{n} truths, {self.tensors.shape} tensors and {self.probabilities.shape} probabilities"
            )

    @property
    def top1(self) -> float:
        return float((self.probabilities.argmax(1) == self.truths).mean())

    def take(self, chosen: npt.NDArray[np.intp]) -> Self:
        """The answers to some of the pictures."""
        return replace(
            self,
            truths=self.truths[chosen],
            probabilities=self.probabilities[chosen],
            tensors=self.tensors[chosen],
        )

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                runtime=np.array(self.runtime),
                truths=self.truths,
                probabilities=self.probabilities,
                tensors=self.tensors,
                golden=self.golden,
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as saved:
            return cls(
                str(saved["runtime"]),
                saved["truths"],
                saved["probabilities"],
                saved["tensors"],
                saved["golden"],
            )
