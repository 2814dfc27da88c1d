"""A bundle's model in the TFLite runtime, proven to be what the document says it is."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_classifier.bundle import Bundle, Quantization
from image_classifier.errors import BundleError, InferenceError
from image_classifier.preprocess import Tensor
from image_classifier.runtime import Kernels, new_interpreter

Probabilities = npt.NDArray[np.float32]


class Model:
    """Input tensor -> probability per label.

    `run` may be called from several threads; calls wait for each other, since an interpreter has one set of
    buffers. For parallel inference make one `Model` a thread.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, kernels: Kernels = Kernels.FASTEST) -> None:
        """Load the model and compare it with the document.

        Raises:
            BundleError: the runtime refuses the model, or it differs from the document.
        """
        self._interpreter = open_model(bundle.model_path, bundle.model_bytes, threads, kernels)
        source = single_tensor(bundle.model_path, self._interpreter.get_input_details(), "input")
        sink = single_tensor(bundle.model_path, self._interpreter.get_output_details(), "output")
        for kind, details in (("input", source), ("output", sink)):
            compare_facts(bundle, kind, tensor_facts(bundle.model_path, details, kind))
        self._source, self._sink = int(source["index"]), int(sink["index"])
        self._lock = threading.Lock()
        self._activation = bundle.output.activation
        self._real = _real_values(bundle.output.dtype, bundle.output.quantization)
        self._sink_shape = list(sink["shape"])

    @property
    def score_step(self) -> float:
        """The largest step of a tensor with a value per label, which is the softmax's input; 0 if all are real."""
        details = self._interpreter.get_tensor_details()
        alike = [item for item in details if list(item["shape"]) == self._sink_shape]
        return max(float(item["quantization"][0]) for item in alike)

    def run(self, tensor: Tensor) -> Probabilities:
        """Tensor of the bundle's shape and dtype -> float32 (labels,), each in [0, 1].

        Raises:
            InferenceError: the runtime fails, or the answer is not finite.
        """
        with self._lock:
            try:
                self._interpreter.set_tensor(self._source, tensor)
                self._interpreter.invoke()
            except (ValueError, RuntimeError) as error:
                raise InferenceError(f"the runtime fails: {error}") from error
            raw = self._interpreter.get_tensor(self._sink)[0]
        if self._real is not None:
            raw = self._real.take(raw.view(np.uint8))
        elif not np.isfinite(raw).all():
            raise InferenceError(f"the model answers {raw[~np.isfinite(raw)][0]}, which is no score")
        if self._activation == "logits":
            powers = np.exp(raw - raw.max())
            raw = powers / powers.sum()
        # A float softmax may end a rounding step above 1.
        scores: Probabilities = raw.clip(0, 1)
        return scores


def open_model(path: Path, content: bytes, threads: int, kernels: Kernels = Kernels.FASTEST) -> Any:
    """An interpreter of the model's bytes; `path` is for the error's text."""
    try:
        return new_interpreter(content, threads, kernels)
    except (ValueError, RuntimeError) as error:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise BundleError(path, f"the runtime refuses the model: {first_line}") from error


def single_tensor(path: Path, details: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The model's only input or output."""
    if len(details) != 1:
        raise BundleError(path, f"wrong number of {kind} tensors", expected=1, actual=len(details))
    return details[0]


def tensor_facts(path: Path, details: dict[str, Any], kind: str) -> dict[str, Any]:
    """`shape`, `dtype`, `scale`, `zeroPoint` of a tensor as the model states them."""
    parameters = details["quantization_parameters"]
    if len(parameters["scales"]) > 1:
        raise BundleError(path, f"{kind} is quantized per channel; only one scale a tensor is known")
    scale, zero_point = details["quantization"]
    return {
        "shape": [int(size) for size in details["shape"]],
        "dtype": np.dtype(details["dtype"]).name,
        "scale": float(scale),
        "zeroPoint": int(zero_point),
    }


def compare_facts(bundle: Bundle, kind: str, facts: dict[str, Any]) -> None:
    """Refuse a document that states `facts` (some or all of `tensor_facts`) of its input or output otherwise."""
    spec = bundle.input if kind == "input" else bundle.output
    stated = {
        "shape": list(bundle.input.shape) if kind == "input" else [1, len(bundle.labels)],
        "dtype": spec.dtype,
        "scale": float(np.float32(spec.quantization.scale)),
        "zeroPoint": spec.quantization.zero_point,
    }
    for key, fact in facts.items():
        if fact != stated[key]:
            what = "labels" if (kind, key) == ("output", "shape") else f"{kind}.{key}"
            problem = f"the model in {bundle.file} says otherwise"
            raise BundleError(bundle.document_path, problem, field=what, expected=fact, actual=stated[key])


def _real_values(dtype: str, quantization: Quantization) -> Probabilities | None:
    """Real value of each of the 256 stored bytes, indexed by the byte without its sign; None for float32."""
    if dtype == "float32":
        return None
    stored = np.arange(256, dtype=np.uint8).view(dtype).astype(np.float64)
    return ((stored - quantization.zero_point) * quantization.scale).astype(np.float32)
