"""Scores -> the outputs of an answer, in JSON or behind it.

Outputs: `probabilities` FP32 [n, labels] in the order of the model's labels, `label` BYTES [n], the best, and
`abstained` BOOL [n]. With the parameter `classification: k` of the protocol's extension, `probabilities` is BYTES
[n, k]: `probability:index:label`, best first.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from image_classifier.bundle import Bundle
from image_classifier.classifier import Classification
from serving.errors import BadRequestError
from serving.web.v2.messages import InferRequest, RequestedOutput

PROBABILITIES, LABEL, ABSTAINED = "probabilities", "label", "abstained"


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """One output: `values` hold float32, bool, or texts (for BYTES)."""

    name: str
    datatype: str
    values: npt.NDArray[Any]

    def as_bytes(self) -> bytes:
        """The values as they stand behind an answer's JSON, little endian."""
        if self.datatype != "BYTES":
            return self.values.tobytes()
        texts = [str(text).encode() for text in self.values.flat]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def outputs_of(bundle: Bundle, results: Sequence[Classification], wanted: RequestedOutput) -> OutputTensor:
    """One output of all pictures.

    Raises:
        BadRequestError: there is no such output, or a parameter of it is wrong.
    """
    best_k = wanted.parameters.get("classification", 0)
    if type(best_k) is not int or best_k < 0 or (best_k and wanted.name != PROBABILITIES):
        raise BadRequestError(f"outputs: classification: expected a number, with {PROBABILITIES!r} alone")
    if best_k:
        return _best(bundle, results, best_k)
    if wanted.name not in _MAKERS:
        raise BadRequestError(f"outputs: expected {', '.join(_MAKERS)}, found {wanted.name[:100]!r}")
    return _MAKERS[wanted.name](bundle, results)


def answer(
    request: InferRequest, bundle: Bundle, results: Sequence[Classification]
) -> tuple[bytes, bytes | None]:
    """The JSON of an answer, and what follows it; None where no output was asked for in binary.

    Raises:
        BadRequestError: an output that was asked for does not exist.
    """
    wanted = request.outputs or [RequestedOutput(name=name) for name in _MAKERS]
    all_binary = request.parameters.get("binary_data_output") is True
    outputs, behind = [], []
    for one in wanted:
        tensor = outputs_of(bundle, results, one)
        entry: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(tensor.values.shape),
        }
        if one.parameters.get("binary_data", all_binary) is True:
            behind.append(tensor.as_bytes())
            entry["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            entry["data"] = tensor.values.ravel().tolist()
        outputs.append(entry)
    document = {"model_name": bundle.name, "model_version": bundle.version, "outputs": outputs}
    if request.id is not None:
        document["id"] = request.id
    return json.dumps(document).encode(), b"".join(behind) if behind else None


def metadata(bundle: Bundle) -> list[dict[str, Any]]:
    """The outputs as a model's metadata lists them."""
    return [
        {"name": PROBABILITIES, "datatype": "FP32", "shape": [-1, len(bundle.labels)]},
        {"name": LABEL, "datatype": "BYTES", "shape": [-1]},
        {"name": ABSTAINED, "datatype": "BOOL", "shape": [-1]},
    ]


def _probabilities(bundle: Bundle, results: Sequence[Classification]) -> OutputTensor:
    number = {label: index for index, label in enumerate(bundle.labels)}
    values = np.zeros((len(results), len(bundle.labels)), "<f4")
    for row, result in zip(values, results, strict=True):
        for candidate in result.top:
            row[number[candidate.label]] = candidate.probability
    return OutputTensor(PROBABILITIES, "FP32", values)


def _labels(_: Bundle, results: Sequence[Classification]) -> OutputTensor:
    return OutputTensor(LABEL, "BYTES", np.array([result.top[0].label for result in results], object))


def _abstained(_: Bundle, results: Sequence[Classification]) -> OutputTensor:
    return OutputTensor(ABSTAINED, "BOOL", np.array([result.abstained for result in results], bool))


def _best(bundle: Bundle, results: Sequence[Classification], count: int) -> OutputTensor:
    number = {label: index for index, label in enumerate(bundle.labels)}
    texts = [
        [f"{best.probability:f}:{number[best.label]}:{best.label}" for best in result.top[:count]]
        for result in results
    ]
    return OutputTensor(PROBABILITIES, "BYTES", np.array(texts, object))


_MAKERS: dict[str, Callable[[Bundle, Sequence[Classification]], OutputTensor]] = {
    PROBABILITIES: _probabilities,
    LABEL: _labels,
    ABSTAINED: _abstained,
}
