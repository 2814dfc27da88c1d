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
        fraction = settings.validation_fraction
        of_lossless = settings.lossless_validation_fraction or fraction
        kept, out = held_out(source.data, np.where(source.lossless, of_lossless, fraction), settings.seed)
        return cls(source, kept, out, settings.lossless_repeats)

    @property
    def training(self) -> LabelledImages:
        lossless = self.kept[self.source.lossless[self.kept]]
        return self.source.data.take(
            np.concatenate([self.kept, np.repeat(lossless, self.lossless_repeats - 1)])
        )

    @property
    def validation(self) -> LabelledImages:
        return self.source.data.take(self.held_out)
