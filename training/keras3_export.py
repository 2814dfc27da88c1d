"""A model of Keras 3 as a SavedModel, which TensorFlow 2.15 converts: `python -m training.keras3_export FILE OUT`.

Runs in `.venv-keras3` alone: Keras 2 and 3 cannot share a process, and the converters beside Keras 3 may write
operators that tflite-runtime 2.14 does not know.
"""

from __future__ import annotations

import sys
from typing import Any

import keras

_DRAWING = ("Rand", "MixUp", "CutMix", "AugMix")
"""Layers that change pictures in training: idle otherwise, but with a random generator that no `.tflite` can hold."""


def main(file: str, out: str) -> int:
    try:
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    except (
        ValueError,
        TypeError,
        OSError,
        ImportError,
        KeyError,
        AttributeError,
        NotImplementedError,
    ) as error:
        print(str(error).strip().splitlines()[0], file=sys.stderr)
        return 1
    if len(model.inputs) == len(model.outputs) == 1:
        model = keras.models.clone_model(model, clone_function=_in_use, recursive=True)
    model.export(out, format="tf_saved_model", verbose=False)
    return 0


def _in_use(layer: Any) -> Any:
    if type(layer).__name__.startswith(_DRAWING):
        return keras.layers.Identity(name=layer.name)
    return layer


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
