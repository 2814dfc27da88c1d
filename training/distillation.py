"""A teacher: networks, trained before, whose answers another one learns instead of bare labels.

It imports TensorFlow: see `fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow import keras

from training.dataset import Images, unit_range
from training.earlier import load_best_weights
from training.network import build_network
from training.settings import Distillation, load_settings

_BATCH = 500


Teacher = Callable[[Any], Any]
"""Images, RGB in 0..1 (n, height, width, 3), to probabilities (n, classes), as tensors."""


def load_teacher(settings: Distillation) -> Teacher:
    """The teacher with the weights of its best epoch, from its own checkpoints; several answer as their mean.

    Raises:
        CheckpointError: one has not been trained here, or with another architecture.
        SettingsError: one has no configuration.
    """
    models = [_best(name) for name in settings.teachers]

    def answer(images: Any) -> Any:
        answers = [keras.activations.softmax(model(images, training=False)) for model in models]
        return tf.add_n(answers) / len(answers)

    # as a graph it answers in half the time
    return tf.function(answer, reduce_retracing=True)  # type: ignore[no-any-return]


def _best(name: str) -> keras.Model:
    model = build_network(load_settings(name).network)
    load_best_weights(name, model)
    return model


def blend(
    targets: npt.NDArray[np.float32], teacher: Teacher, images: Images, settings: Distillation
) -> npt.NDArray[np.float32]:
    """The teacher's probabilities for what the pupil will see, mixed with the labels.

    Args:
        targets: (n, classes), one share a class.
        teacher: gives probabilities.
        images: uint8 (n, height, width, 3), after augmentation.
        settings: its weight is the teacher's part.
    """
    mixed = np.empty_like(targets)
    for first in range(0, len(images), _BATCH):
        part = slice(first, first + _BATCH)
        answers = teacher(tf.constant(unit_range(images[part].astype(np.float32))))
        mixed[part] = (1 - settings.weight) * targets[part] + settings.weight * np.asarray(answers)
    return mixed
