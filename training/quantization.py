"""From a float model to a full int8 `.tflite`: weights, activations, input and output."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow import keras

from training.dataset import Images, unit_range

Batches = Iterable[npt.NDArray[np.float32]]


class ConversionError(Exception):
    """A model that int8 TFLite cannot express; the message names its operations."""


def to_int8(model: keras.Model, representative: Images) -> bytes:
    """The converted model, from pixels / 255 to softmax probabilities; a batch is one image.

    Args:
        model: takes RGB in 0..1, float32 (n, height, width, 3), gives logits (n, classes).
        representative: uint8 (n, height, width, 3); the ranges of the activations are taken from them.
    """
    image = keras.Input(representative.shape[1:], batch_size=1)
    whole = keras.Model(image, keras.layers.Softmax()(model(image)))
    return _convert(tf.lite.TFLiteConverter.from_keras_model(whole), _unit_range(representative))


def function_to_int8(function: Any, root: Any, representative: Batches) -> bytes:
    """The converted form of a concrete function of one float32 batch (1, height, width, 3).

    Args:
        function: a `ConcreteFunction`.
        root: the object that holds its variables.
        representative: batches of one; the ranges of the input and the activations are taken from them.

    Raises:
        ConversionError: an operation of it has no int8 form.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], root)
    try:
        return _convert(converter, representative)
    # the converter's own error, and what its calibration and its quantizer raise
    except Exception as error:
        wanting = sorted(set(re.findall(r"\btf\.[A-Z]\w+", str(error))))
        detail = ", ".join(wanting) or next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConversionError(f"int8 TFLite has no form of: {detail}") from error


def _convert(converter: Any, representative: Batches) -> bytes:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([batch] for batch in representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    with _silenced(), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Statistics for quantized inputs"
        )  # they come from `representative`
        return bytes(converter.convert())


@contextmanager
def _silenced() -> Iterator[None]:
    """Without the converter's statistics, which native code writes; what goes wrong it raises as well."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, for its number
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _unit_range(images: Images) -> Iterator[npt.NDArray[np.float32]]:
    # black and white first: the input's range is then 0..1 exactly and its tensor is pixel - 128
    yield np.zeros((1, *images.shape[1:]), np.float32)
    yield np.ones((1, *images.shape[1:]), np.float32)
    for image in images:
        yield unit_range(image[None].astype(np.float32))
