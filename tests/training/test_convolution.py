"""The faster weight gradient is the true one, and the layer is a plain convolution to all others. Needs .venv-train."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from image_classifier.model_file import read_model_file
from tests.patience import TENSORFLOW_PATIENCE_S
from tests.training.environment import NEEDS_TRAINING, PYTHON, ROOT

SHAPES = [
    # side, kernel, stride, maps in, maps out
    (8, 3, 1, 5, 7),
    (4, 3, 1, 16, 16),
    (7, 3, 1, 3, 4),
    (1, 3, 1, 6, 2),
    (16, 3, 2, 4, 6),
    (8, 2, 2, 4, 6),
    (7, 3, 2, 3, 5),
    (7, 2, 2, 3, 5),
    (5, 1, 1, 8, 3),
    (9, 1, 2, 3, 3),
    (10, 5, 2, 2, 3),
    (11, 3, 3, 2, 3),
    (9, 5, 1, 2, 2),  # larger than the matrix products are used for
]
GRADIENTS = """
import json, sys
import numpy as np
import tensorflow as tf
from tensorflow import keras
from training.convolution import Convolution

worst = []
for side, kernel, stride, maps_in, maps_out in json.loads(sys.argv[1]):
    draw = np.random.default_rng(side)
    images = tf.constant(draw.normal(size=(3, side, side, maps_in)), tf.float32)
    options = {"filters": maps_out, "kernel_size": kernel, "strides": stride, "padding": "same", "use_bias": False}
    found = []
    layers = Convolution(**options), keras.layers.Conv2D(**options)
    for layer in layers:
        layer.build(images.shape)
    layers[1].set_weights(layers[0].get_weights())
    for layer in layers:
        with tf.GradientTape() as tape:
            tape.watch(images)
            answer = layer(images)
            loss = tf.reduce_sum(tf.sin(answer))
        found.append([answer, *tape.gradient(loss, [layer.kernel, images])])
    for ours, theirs in zip(*found):
        assert ours.shape == theirs.shape
    worst.append(max(float(tf.reduce_max(tf.abs(a - b) / (1 + tf.abs(b)))) for a, b in zip(*found)))
print(json.dumps(worst))
"""
MODELS = """
import sys
import numpy as np
from tensorflow import keras
from training.convolution import Convolution
from training.quantization import to_int8

noise = np.random.default_rng(0).integers(0, 256, (10, 16, 16, 3), dtype=np.uint8)
for name, layer in (("ours", Convolution), ("plain", keras.layers.Conv2D)):
    image = x = keras.Input((16, 16, 3))
    for stride in (2, 1):
        x = layer(8, 3, strides=stride, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    if name == "ours":
        model.save(f"{sys.argv[1]}/ours.keras")
        again = keras.models.load_model(f"{sys.argv[1]}/ours.keras")
        assert [type(l) for l in again.layers] == [type(l) for l in model.layers]
        pixels = noise.astype(np.float32) / 255
        assert np.array_equal(again(pixels), model(pixels))
        weights = model.get_weights()
    else:
        model.set_weights(weights)
    open(f"{sys.argv[1]}/{name}.tflite", "wb").write(to_int8(model, noise))
"""

pytestmark = [
    pytest.mark.slow,
    NEEDS_TRAINING,
]


def test_the_gradients_are_those_of_a_plain_convolution() -> None:
    worst = json.loads(_train_python(GRADIENTS, json.dumps(SHAPES)))
    wrong = {shape: error for shape, error in zip(SHAPES, worst, strict=True) if not error <= 1e-4}
    assert not wrong


def test_it_is_saved_loaded_and_converted_as_a_plain_convolution(tmp_path: Path) -> None:
    _train_python(MODELS, str(tmp_path))
    ours, plain = (
        read_model_file((tmp_path / f"{name}.tflite").read_bytes(), tmp_path) for name in ("ours", "plain")
    )
    assert [(o.name, o.version) for o in ours.operators] == [(o.name, o.version) for o in plain.operators]
    assert [o.name for o in ours.operators].count("CONV_2D") == 2
    assert ours.multiply_accumulates == plain.multiply_accumulates


def _train_python(code: str, argument: str) -> str:
    environment = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PATH": "/usr/bin:/bin",
    }
    command: list[str | Path] = [PYTHON, "-c", code, argument]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TENSORFLOW_PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
