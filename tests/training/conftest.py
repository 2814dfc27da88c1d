"""A tiny CIFAR-10: three images a batch, five batches to train and one to test."""

from __future__ import annotations

import pytest

from tests.training.tiny_images import smooth_images
from training.dataset import LabelledImages

PER_BATCH = 3


@pytest.fixture
def train() -> LabelledImages:
    return smooth_images(5 * PER_BATCH, 1)


@pytest.fixture
def held() -> LabelledImages:
    return smooth_images(PER_BATCH, 2)
