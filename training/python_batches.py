"""The official python layout: pickles of {b"data": uint8 (n, 3072), b"labels": list of n}.

A pickle can run any code. Only what these files need is let through: NumPy's array and its parts.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from training.dataset import CLASSES, SIDE, DatasetError, LabelledImages
from training.records import planes_to_images

_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR-10 batch needs")
        if name == "_reconstruct":
            # the one function under both names: NumPy 2 moved it and warns about the old place
            return np.ndarray.__reduce__(np.empty(0))[0]
        return super().find_class(module, name)


def parse_python_batch(raw: bytes, origin: Path) -> LabelledImages:
    """Images of one pickled batch, Python 2 or 3.

    Raises:
        DatasetError: not such a pickle, or one that asks for anything but arrays.
    """
    try:
        batch = _ArrayUnpickler(io.BytesIO(raw), encoding="bytes").load()
    except Exception as error:  # noqa: BLE001 - a damaged pickle raises nearly any type
        raise DatasetError(origin, f"not a CIFAR-10 python batch: {error}") from None
    if not isinstance(batch, dict):
        raise DatasetError(origin, f"not a CIFAR-10 python batch: a {type(batch).__name__}, expected a dict")
    data, labels = (batch.get(key, batch.get(key.decode())) for key in (b"data", b"labels"))
    width = 3 * SIDE * SIDE
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (width,):
        raise DatasetError(origin, f"its data is not uint8 (n, {width})")
    if not isinstance(labels, list) or len(labels) != len(data):
        raise DatasetError(origin, f"its labels are not a list of {len(data)}")
    if not all(isinstance(label, int) and 0 <= label < len(CLASSES) for label in labels):
        raise DatasetError(origin, "a label is not 0..9")
    return LabelledImages(planes_to_images(data), np.array(labels, np.uint8))
