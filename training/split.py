"""Which training images are learnt from, and which are held out to choose an epoch, or a model, by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from training.dataset import Indices, LabelledImages, held_out
from training.loading import TrainingSet
from training.settings import Settings


@dataclass(frozen=True, slots=True)
class Split:
    """The training split in two: what is learnt from, and what is held out to choose the epoch by."""

    source: TrainingSet
    kept: Indices
    held_out: Indices
    lossless_repeats: int

    @classmethod
    def of(cls, source: TrainingSet, settings: Settings) -> Self:
        return cls.drawn(
            source,
            seed=settings.seed,
            fraction=settings.validation_fraction,
            lossless_fraction=settings.lossless_validation_fraction,
            lossless_repeats=settings.lossless_repeats,
        )

    @classmethod
    def drawn(
        cls,
        source: TrainingSet,
        *,
        seed: int,
        fraction: float,
        lossless_fraction: float | None,
        lossless_repeats: int = 1,
    ) -> Self:
        """The split that a seed draws; `lossless_fraction` None holds out as many lossless images as others."""
        fractions = np.where(source.lossless, lossless_fraction or fraction, fraction)
        kept, out = held_out(source.data, fractions, seed)
        return cls(source, kept, out, lossless_repeats)

    @property
    def training(self) -> LabelledImages:
        lossless = self.kept[self.source.lossless[self.kept]]
        return self.source.data.take(
            np.concatenate([self.kept, np.repeat(lossless, self.lossless_repeats - 1)])
        )

    @property
    def validation(self) -> LabelledImages:
        return self.source.data.take(self.held_out)
