"""Residual networks whose int8 form is fast on x86-64: wide layers, and none wide at 32x32."""

from __future__ import annotations

from typing import Any

from tensorflow import keras

from training.convolution import Convolution
from training.dataset import CLASSES, SIDE
from training.settings import Network

BATCH_NORM_MOMENTUM = 0.9
"""An epoch of CIFAR-10 has about 90 steps: the usual 0.99 would lag by a whole epoch."""


def build_residual(settings: Network) -> keras.Model:
    """A stem to 16x16, then the stages, then the mean over the picture and one dense layer.

    Every convolution but the shortcuts' is 3x3; batch normalization follows each, and is folded into it by
    the converter.
    """
    image = x = keras.layers.Input((SIDE, SIDE, 3))
    x = _convolution(x, settings.stem_width, stride=2 if settings.stem == "strided" else 1)
    x = keras.layers.ReLU()(x)
    if settings.stem == "pooled":
        x = keras.layers.MaxPooling2D()(x)
    for stage, (width, blocks) in enumerate(zip(settings.widths, settings.blocks, strict=True)):
        for block in range(blocks):
            x = _block(x, width, stride=2 if stage and not block else 1)
    x = keras.layers.GlobalAveragePooling2D()(x)
    # bfloat16 has three digits: the loss needs more
    x = keras.layers.Dense(len(CLASSES), dtype="float32")(x)
    return keras.Model(image, x, name="residual")


def _block(x: Any, width: int, stride: int) -> Any:
    """Two convolutions beside a shortcut; the block begins as its shortcut alone (scale 0)."""
    y = keras.layers.ReLU()(_convolution(x, width, stride=stride))
    y = _convolution(y, width, first_scale="zeros")
    if stride > 1:
        # 2x2 sees every pixel, where 1x1 would drop three of four; a mean would cost more time than both
        x = _convolution(x, width, size=2, stride=2)
    elif x.shape[-1] != width:
        x = _convolution(x, width, size=1)
    return keras.layers.ReLU()(keras.layers.Add()([x, y]))


def _convolution(x: Any, width: int, *, size: int = 3, stride: int = 1, first_scale: str = "ones") -> Any:
    x = Convolution(
        width, size, strides=stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, gamma_initializer=first_scale)(x)
