"""The networks, as Keras models from RGB in 0..1 (n, 32, 32, 3) to logits (n, 10)."""

from __future__ import annotations

from typing import Any

from tensorflow import keras

from training.dataset import CLASSES, SIDE
from training.residual import build_residual
from training.settings import Fit, Network


def build_network(settings: Network) -> keras.Model:
    """A network with fresh weights; the caller has set Keras's seed and precision."""
    return _ARCHITECTURES[settings.architecture](settings)


def compile_network(model: keras.Model, fit: Fit, steps_per_epoch: int) -> None:
    """Give the network its optimizer, loss and rate schedule."""
    warm_up = round(fit.warm_up_epochs * steps_per_epoch)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=fit.peak_rate / 20,
        warmup_target=fit.peak_rate,
        warmup_steps=warm_up,
        decay_steps=max(1, fit.epochs * steps_per_epoch - warm_up),
    )
    model.compile(
        optimizer=keras.optimizers.SGD(
            rate, fit.momentum, nesterov=True, weight_decay=fit.weight_decay or None
        ),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=fit.label_smoothing),
        metrics=["accuracy"],
    )


def _seed(settings: Network) -> keras.Model:
    """The seed system's CNN (spec peers 0), channels last; dropout is ours."""

    def convolution(maps: int) -> Any:
        return keras.layers.Conv2D(
            maps, 3, padding="same", activation="relu", kernel_initializer="he_uniform"
        )

    return keras.Sequential(
        [
            keras.layers.InputLayer((SIDE, SIDE, 3)),
            convolution(50),
            convolution(50),
            keras.layers.MaxPooling2D(),
            keras.layers.Dropout(settings.convolution_dropout),
            convolution(100),
            convolution(100),
            keras.layers.MaxPooling2D(),
            keras.layers.Dropout(settings.convolution_dropout),
            keras.layers.Flatten(),
            keras.layers.Dense(512, activation="relu", kernel_initializer="he_uniform"),
            keras.layers.Dropout(settings.dense_dropout),
            # bfloat16 has three digits: the loss needs more
            keras.layers.Dense(len(CLASSES), dtype="float32"),
        ],
        name="seed",
    )


_ARCHITECTURES = {"seed": _seed, "residual": build_residual}
