"""Whether TensorFlow trains on a GPU here, and what that GPU multiplies well. It imports TensorFlow: see `fit`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import tensorflow as tf


@dataclass(frozen=True, slots=True)
class Gpu:
    """`capability` is NVIDIA's compute capability, such as (8, 0); (0, 0) where the driver does not say."""

    name: str
    capability: tuple[int, int]


@cache
def find_gpu() -> Gpu | None:
    """The first GPU that TensorFlow can use; None on a machine, or with a TensorFlow, that has none."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return None
    details = tf.config.experimental.get_device_details(devices[0])
    major, minor = details.get("compute_capability", (0, 0))
    return Gpu(str(details.get("device_name", "unknown GPU")), (int(major), int(minor)))
