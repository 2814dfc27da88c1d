"""The one place that chooses the TFLite runtime.

LiteRT (`ai-edge-litert`) has wheels for x86-64 and arm64 and is several times faster at int8 on x86-64;
`tflite-runtime` is the only one with a wheel for 32-bit Arm.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import dataclass
from enum import Enum
from typing import Any

from image_classifier.errors import NoRuntimeError

_CHOICES = (
    ("ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite_runtime.interpreter", "tflite-runtime"),
)


class Kernels(Enum):
    """Which implementation of the operators computes; they differ in rounding, so in a step here and there.

    The values are the names in the runtimes' own `OpResolverType`.
    """

    FASTEST = "AUTO"
    """What the runtime prefers on this machine: XNNPACK where it has it."""
    BUILT_IN = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
    """TFLite's own optimized ones."""
    REFERENCE = "BUILTIN_REF"
    """TFLite's plain ones, which define what is right; ten and more times slower."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """`distribution` and `version` as the package index names them; `interpreter` is the class."""

    distribution: str
    version: str
    interpreter: Any


def load_runtime() -> Runtime:
    """Import the runtime that this machine has (once; later calls are cheap).

    Raises:
        NoRuntimeError: neither is installed.
    """
    for module, distribution in _CHOICES:
        try:
            interpreter = importlib.import_module(module).Interpreter
        except ModuleNotFoundError as error:
            if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
                raise
            continue
        return Runtime(distribution, importlib.metadata.version(distribution), interpreter)
    names = " or ".join(distribution for _, distribution in _CHOICES)
    raise NoRuntimeError(f"no TFLite runtime: install {names}")


def new_interpreter(model: bytes, threads: int, kernels: Kernels = Kernels.FASTEST) -> Any:
    """An interpreter of `model` with its tensors allocated.

    Raises:
        ValueError, RuntimeError: the runtime refuses the model. A hostile model may also end the process,
            which is why `sandbox` tries it in a child first.
    """
    runtime = load_runtime()
    resolvers = importlib.import_module(runtime.interpreter.__module__).OpResolverType
    interpreter = runtime.interpreter(
        model_content=model, num_threads=threads, experimental_op_resolver_type=resolvers[kernels.value]
    )
    interpreter.allocate_tensors()
    return interpreter
