"""Original pixels guessed from their JPEG, by a small network learnt from the images that are there in both forms.

Most training images are delivered as JPEG only, while a camera's own frames may reach the classifier with
pixels as clean as the few lossless records. Shown as this network guesses them, the others resemble those.
It imports TensorFlow: see `fit`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow import keras

from training.dataset import SIDE, Images
from training.settings import Restoration

_BATCH = 500


def restored_images(
    delivered: Images, original: Images, lossless: npt.NDArray[np.bool_], settings: Restoration, weights: Path
) -> Images:
    """`original` with a guess in the place of each image that is not `lossless`; all (n, 32, 32, 3) uint8.

    The network learns from the pairs at `lossless`. It is kept in the file `weights`, and taken from there
    when a run goes on.
    """
    model = build_restorer(settings)
    if weights.exists():
        model.load_weights(weights)
    else:
        fit_restorer(model, delivered[lossless], original[lossless], settings)
        weights.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(weights)
    out = original.copy()
    out[~lossless] = restore(model, delivered[~lossless])
    return out


def build_restorer(settings: Restoration) -> keras.Model:
    """From RGB in 0..1 to RGB in 0..1, at first unchanged.

    It works on squares of 2x2 pixels: JPEG 4:2:0 has one colour for each.
    """
    image = keras.layers.Input((SIDE, SIDE, 3))
    x = tf.nn.space_to_depth(image, 2)
    for _ in range(settings.layers - 1):
        x = keras.layers.Conv2D(
            settings.width, 3, padding="same", activation="relu", kernel_initializer="he_normal"
        )(x)
    x = keras.layers.Conv2D(12, 3, padding="same", kernel_initializer="zeros")(x)
    change = keras.layers.Activation("linear", dtype="float32")(tf.nn.depth_to_space(x, 2))
    return keras.Model(image, keras.layers.Add(dtype="float32")([image, change]), name="restorer")


def fit_restorer(model: keras.Model, delivered: Images, original: Images, settings: Restoration) -> None:
    """Least squares on the pairs and their mirror images; prints how much nearer the last epoch came."""
    began = time.monotonic()
    steps = settings.epochs * -(-len(delivered) // settings.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(settings.peak_rate, steps)
    model.compile(keras.optimizers.Adam(rate), loss="mse")
    loss = model.fit(_pairs(delivered, original, settings), epochs=settings.epochs, verbose=0).history["loss"]
    before = float(np.mean((delivered.astype(np.float32) - original) ** 2)) ** 0.5
    print(
        f"restoration: from {before:.2f} to {255 * loss[-1] ** 0.5:.2f} levels of error (root mean square) "
        f"on {len(delivered)} images, {time.monotonic() - began:.0f} s",
        flush=True,
    )


def restore(model: keras.Model, images: Images) -> Images:
    """The network's guess for each image, as bytes."""
    parts = [
        np.asarray(model(images[first : first + _BATCH].astype(np.float32) / 255))
        for first in range(0, len(images), _BATCH)
    ]
    if not parts:
        return images.copy()
    guess: Images = np.clip(np.rint(255 * np.concatenate(parts)), 0, 255).astype(np.uint8)
    return guess


def _pairs(delivered: Images, original: Images, settings: Restoration) -> Any:
    def mirrored(pair: Any) -> tuple[Any, Any]:
        pair = tf.image.random_flip_left_right(tf.image.random_flip_up_down(pair))
        pair = tf.cast(pair, tf.float32) / 255
        return pair[..., :3], pair[..., 3:]

    both = np.concatenate([delivered, original], axis=-1)
    data = tf.data.Dataset.from_tensor_slices(both).shuffle(len(both))
    return data.map(mirrored).batch(settings.batch_size).prefetch(2)
