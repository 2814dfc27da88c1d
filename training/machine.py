"""The machine in words, for the model card."""

from __future__ import annotations

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def machine() -> str:
    """Processor and core count, such as `Intel(R) Xeon(R) Processor (x86_64), 2 cores`."""
    name = _field("model name") or platform.processor() or "unknown processor"
    return f"{name} ({platform.machine()}), {len(os.sched_getaffinity(0))} cores"


def multiplies_bfloat16() -> bool:
    """Whether the processor has AMX for bfloat16; elsewhere it is emulated and slower than float32."""
    return "amx_bf16" in _field("flags").split()


def keras_policy(precision: str, capability: tuple[int, int] | None) -> str:
    """Keras's policy for the precision of a configuration: small numbers only where the hardware multiplies them.

    Args:
        precision: `float32` or `bfloat16`.
        capability: the GPU's compute capability; None trains on the processor. From 8.0 on (Ampere) a GPU has
            bfloat16; from 7.0 on (Volta) float16, for which Keras scales the loss so that small gradients survive.
    """
    if precision == "float32":
        return "float32"
    if capability is None:
        return "mixed_bfloat16" if multiplies_bfloat16() else "float32"
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"


def _field(key: str) -> str:
    """The first value of a key of /proc/cpuinfo; empty where there is none."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
