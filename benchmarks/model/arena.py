"""The memory that a model's activations need at least, from its graph."""

from __future__ import annotations

from math import prod

import numpy as np

from image_classifier.model_file import ModelFile


def arena_bytes(model: ModelFile) -> int:
    """Most bytes of activations that are needed at the same time when operators run in the file's order.

    Input and output count as long as they are needed; weights never do. It is what an allocator without waste would
    reserve as the interpreter's tensor arena, and what a microcontroller has to have.
    """
    last_use = {number: at for at, step in enumerate(model.operators) for number in step.inputs}
    last_use |= dict.fromkeys(model.outputs, len(model.operators))
    alive = set(model.inputs)
    most = _bytes(model, alive)
    for at, step in enumerate(model.operators):
        alive |= set(step.outputs)
        most = max(most, _bytes(model, alive))
        alive = {number for number in alive if last_use.get(number, -1) > at}
    return most


def _bytes(model: ModelFile, numbers: set[int]) -> int:
    tensors = [model.tensors[number] for number in numbers]
    return sum(prod(tensor.shape) * np.dtype(tensor.dtype).itemsize for tensor in tensors)
