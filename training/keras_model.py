"""A user's model as one TensorFlow function from a picture to a probability per label.

It imports TensorFlow: see `fit`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf
from tensorflow import keras
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from training.keras_file import KerasFile, KerasModelError, without_mixed_precision

Activation = Literal["softmax", "logits"]
ROOT = Path(__file__).parents[1]
_PASSING = ("Identity", "Reshape", "Squeeze", "Cast")
_LOGITS = ("MatMul", "BiasAdd", "Add", "AddV2", "Mean", "Conv2D", "Mul", "FusedBatchNormV3")


@dataclass(frozen=True, slots=True)
class FloatModel:
    """`function`: float32 (1, height, width, 3) -> probabilities, float32 (1, outputs).

    activation: how the model itself ends; `root` holds the variables.
    """

    function: Any
    root: Any
    height: int
    width: int
    outputs: int
    activation: Activation


def load_float_model(file: KerasFile, activation: Activation | None = None) -> FloatModel:
    """Load a user's model; one that gives logits gets a softmax.

    Args:
        file: what `inspect_model` has found harmless.
        activation: how the model ends; None finds out.

    Raises:
        KerasModelError: it cannot be loaded, or is not a classifier of one RGB picture of a fixed size.
    """
    call, root, inputs, outputs = _load(file)
    height, width = _picture(file.path, inputs)
    if len(outputs) != 1 or len(outputs[0]) != 2 or outputs[0][1] is None:
        raise KerasModelError(file.path, f"gives {outputs}: expected one output (pictures, labels)")
    wanted = [tf.TensorSpec((1, height, width, 3), tf.float32)]
    ends_in = activation or _activation(file.path, tf.function(call, input_signature=wanted))

    def probabilities(images: Any) -> Any:
        scores = tf.cast(call(images), tf.float32)
        return scores if ends_in == "softmax" else tf.nn.softmax(scores)

    function = tf.function(probabilities, input_signature=wanted).get_concrete_function()
    return FloatModel(function, root, height, width, int(outputs[0][1]), ends_in)


Shapes = list[tuple[int | None, ...]]
Loaded = tuple[Callable[[Any], Any], Any, Shapes, Shapes]


def _load(file: KerasFile) -> Loaded:
    with tempfile.TemporaryDirectory(prefix="from-keras-") as folder:
        if file.kind == "saved_model":
            return _load_saved_model(file.path, file.path)
        path = without_mixed_precision(file, Path(folder))
        if file.needs_keras_3:
            exported = Path(folder) / "exported"
            _export_with_keras_3(file, path, exported)
            return _load_saved_model(exported, file.path)
        return _load_keras_2(path, file)


def _load_keras_2(path: Path, file: KerasFile) -> Loaded:
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
        model.trainable = False
        inputs, outputs = ([tuple(t.shape) for t in tensors] for tensors in (model.inputs, model.outputs))
    # what Keras raises for a file that it cannot read has many types
    except Exception as error:
        raise KerasModelError(file.path, f"Keras 2.15 cannot load it: {_first_line(error)}") from error
    return lambda images: model(images, training=False), model, inputs, outputs


def _load_saved_model(folder: Path, origin: Path) -> Loaded:
    try:
        root = tf.saved_model.load(str(folder))
    except Exception as error:
        raise KerasModelError(
            origin, f"not a SavedModel that TensorFlow can load: {_first_line(error)}"
        ) from error
    signature = root.signatures.get("serving_default")
    if signature is None:
        raise KerasModelError(origin, "has no signature serving_default: save it with model.export('folder')")
    specs = signature.structured_input_signature[1]
    results = signature.structured_outputs
    name, result = next(iter(specs), ""), next(iter(results), "")
    inputs, outputs = ([tuple(spec.shape) for spec in found.values()] for found in (specs, results))
    return lambda images: signature(**{name: images})[result], root, inputs, outputs


def _export_with_keras_3(file: KerasFile, path: Path, out: Path) -> None:
    print(f"{file.path}: of Keras {file.keras}; exporting it in .venv-keras3", flush=True)
    venv = subprocess.run(  # noqa: S603 - our own script
        [ROOT / "scripts" / "venv", ".venv-keras3", "requirements/keras3.txt"],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if venv.returncode:
        raise KerasModelError(file.path, "needs Keras 3, which could not be installed (see above)")
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [venv.stdout.strip(), "-P", "-m", "training.keras3_export", path, out],
        env=os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.stderr.write("" if done.returncode == 1 else done.stderr)
        last_line = next(iter(done.stderr.strip().splitlines()[-1:]), f"exit code {done.returncode}")
        raise KerasModelError(file.path, f"Keras 3 cannot load it: {last_line}")


def _picture(path: Path, inputs: Shapes) -> tuple[int, int]:
    """Height and width of the one RGB picture that the model takes."""
    if len(inputs) != 1 or len(inputs[0]) != 4:
        raise KerasModelError(
            path, f"takes {inputs}: expected one batch of pictures (None, height, width, 3)"
        )
    _, height, width, channels = inputs[0]
    if channels != 3:
        raise KerasModelError(
            path,
            f"takes {channels} channels: cameras and bundles give RGB, so it must take 3. A model of grey pictures "
            "gets them by a first layer: Conv2D(1, 1, use_bias=False) with the weights 0.299, 0.587, 0.114",
        )
    if height is None or width is None:
        raise KerasModelError(
            path,
            "takes pictures of any size, an edge device one: i = keras.Input((224, 224, 3)); "
            "keras.Model(i, model(i)).save('fixed.keras')",
        )
    return height, width


def _activation(path: Path, function: Any) -> Activation:
    """How the model ends, read from its graph."""
    graph = convert_variables_to_constants_v2(function.get_concrete_function()).graph
    operation = graph.outputs[0].op
    while operation.type in _PASSING:
        operation = operation.inputs[0].op
    if operation.type == "Softmax":
        return "softmax"
    if operation.type in _LOGITS:
        return "logits"
    hint = "a picture has one label here; train it with a softmax" if operation.type == "Sigmoid" else ""
    raise KerasModelError(
        path, f"ends in {operation.type}: {hint or 'say what that is: --activation softmax or logits'}"
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
