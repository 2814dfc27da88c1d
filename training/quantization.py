"""From a Keras model to a full int8 `.tflite`: weights, activations, input and output."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow import keras

from training.dataset import Images


def to_int8(model: keras.Model, representative: Images) -> bytes:
    """The converted model, from pixels / 255 to softmax probabilities; a batch is one image.

    Args:
        model: takes RGB in 0..1, float32 (n, height, width, 3), gives logits (n, classes).
        representative: uint8 (n, height, width, 3); the ranges of the activations are taken from them.
    """
    image = keras.Input(representative.shape[1:], batch_size=1)
    whole = keras.Model(image, keras.layers.Softmax()(model(image)))
    converter = tf.lite.TFLiteConverter.from_keras_model(whole)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _ranges(representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _ranges(images: Images) -> Iterator[list[npt.NDArray[np.float32]]]:
    # black and white first: the input's range is then 0..1 exactly and its tensor is pixel - 128
    yield [np.zeros((1, *images.shape[1:]), np.float32)]
    yield [np.ones((1, *images.shape[1:]), np.float32)]
    for image in images:
        yield [image[None].astype(np.float32) / 255]
