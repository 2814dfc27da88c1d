"""What a `.tflite` file says of itself, read in pure Python before any native code sees it.

Field numbers and enumerations are those of the TFLite schema, version 3 (`tensorflow/lite/schema/schema.fbs`).
Only what the checks and the arithmetic need is read: operators with their versions, tensors with shape and
type, and that the tensors' data lie inside the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

from image_classifier.errors import BundleError
from image_classifier.flatbuffer import Content, FlatBufferError, Table
from image_classifier.operators import CUSTOM, operator_name

SCHEMA_VERSION = 3
MAX_RANK = 8
"""More dimensions than any kernel of TFLite takes."""
_IDENTIFIER = b"TFL3"
_PLACEHOLDER = 127
"""`deprecated_builtin_code` holds one byte; operators above it have this there and stand in `builtin_code`."""

TENSOR_TYPES = (
    "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64",
    "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16",
)  # fmt: skip
"""Names by number, as `TensorType` of the schema has them."""


@dataclass(frozen=True, slots=True)
class TensorShape:
    """`shape` as the file has it (without sizes that are only known when the model runs)."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Operator:
    """One step of the graph; `inputs` and `outputs` are tensor numbers, -1 for an input that is left out."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The main graph of a model file, its operators in the order in which they run."""

    declared: tuple[tuple[str, int], ...]
    """Name and version of every operator that the file names, used or not: the runtime looks all of them up."""
    operators: tuple[Operator, ...]
    tensors: tuple[TensorShape, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int
    """How many graphs the file has; those after the first belong to control flow and are not described."""
    multiply_accumulates: int
    """Of convolutions (also depthwise and transposed) and fully connected layers, for one image."""


def read_model_file(content: bytes, path: Path) -> ModelFile:
    """Read the model in `content`; `path` is for the error's text.

    Raises:
        BundleError: no TFLite model, or one whose offsets, counts or tensor numbers lead astray.
    """
    try:
        return read_graph(Content(content))
    except FlatBufferError as error:
        raise BundleError(path, f"not a sound TFLite model: {error}") from None


def read_graph(content: Content) -> ModelFile:
    """As `read_model_file`.

    Raises:
        FlatBufferError: what is wrong, without the path.
    """
    root = content.root(_IDENTIFIER)
    version = root.number(0, "version", "I")
    if version != SCHEMA_VERSION:
        raise FlatBufferError(f"schema version {version}, only {SCHEMA_VERSION} is known")
    codes = [_operator_code(table) for table in root.tables(1, "operator_codes")]
    graphs = root.tables(2, "subgraphs")
    buffers = root.tables(4, "buffers")
    for buffer in buffers:
        buffer.bytes_count(0, "data")
        if buffer.number(1, "offset", "Q") > 1:
            raise FlatBufferError(f"{buffer.what}: data outside the FlatBuffer is not known here")
    if not graphs:
        raise FlatBufferError("there is no graph")
    graph = graphs[0]
    tensors = tuple(_tensor(table, len(buffers)) for table in graph.tables(0, "tensors"))
    inputs = _tensor_numbers(graph, 1, "inputs", 0, len(tensors))
    operators = tuple(_operator(table, codes, len(tensors)) for table in graph.tables(3, "operators"))
    return ModelFile(
        declared=tuple(codes),
        operators=operators,
        tensors=tensors,
        inputs=inputs,
        outputs=_tensor_numbers(graph, 2, "outputs", 0, len(tensors)),
        subgraphs=len(graphs),
        multiply_accumulates=_multiply_accumulates(operators, tensors, inputs),
    )


def _operator_code(table: Table) -> tuple[str, int]:
    old = table.number(0, "deprecated_builtin_code", "b")
    # Old writers know only the byte, new ones write both; the runtime takes the greater one.
    code = max(old, table.number(3, "builtin_code", "i"))
    if code < 0 or not -1 < old <= _PLACEHOLDER:
        raise FlatBufferError(f"{table.what}: operator number {min(code, old)}")
    version = table.number(2, "version", "i", 1)
    if code == CUSTOM:
        return f"CUSTOM {table.text(1, 'custom_code')}", version
    return operator_name(code), version


def _tensor(table: Table, buffers: int) -> TensorShape:
    shape = table.numbers(0, "shape")
    if len(shape) > MAX_RANK or any(size < 0 for size in shape):
        raise FlatBufferError(f"{table.what}.shape: rank {len(shape)}, {list(shape[: MAX_RANK + 1])}")
    kind = table.number(1, "type", "b")
    if not 0 <= kind < len(TENSOR_TYPES):
        raise FlatBufferError(f"{table.what}.type: {kind} is no known type")
    buffer = table.number(2, "buffer", "I")
    if buffer >= buffers:
        raise FlatBufferError(f"{table.what}.buffer: {buffer} of {buffers}")
    return TensorShape(table.text(3, "name"), shape, TENSOR_TYPES[kind])


def _operator(table: Table, codes: list[tuple[str, int]], tensors: int) -> Operator:
    index = table.number(0, "opcode_index", "I")
    if index >= len(codes):
        raise FlatBufferError(f"{table.what}.opcode_index: {index} of {len(codes)}")
    name, version = codes[index]
    return Operator(
        name=name,
        version=version,
        inputs=_tensor_numbers(table, 1, "inputs", -1, tensors),
        outputs=_tensor_numbers(table, 2, "outputs", 0, tensors),
    )


def _tensor_numbers(table: Table, field: int, name: str, least: int, tensors: int) -> tuple[int, ...]:
    numbers = table.numbers(field, name)
    for number in numbers:
        if not least <= number < tensors:
            raise FlatBufferError(f"{table.what}.{name}: tensor {number} of {tensors}")
    return numbers


_Shape = tuple[int, ...]


def _convolution(_: _Shape, weights: _Shape, result: _Shape) -> int:
    """Weights are (output channels, height, width, input channels of the group)."""
    return prod(result) * prod(weights[1:])


def _depthwise(_: _Shape, weights: _Shape, result: _Shape) -> int:
    """Weights are (1, height, width, output channels)."""
    return prod(result) * prod(weights[1:3])


def _transposed(source: _Shape, weights: _Shape, _: _Shape) -> int:
    """Each value that goes in is multiplied with every weight of its channel: (outputs, height, width, inputs)."""
    return prod(source) * prod(weights[:3])


def _fully_connected(_: _Shape, weights: _Shape, result: _Shape) -> int:
    """Weights are (outputs, inputs)."""
    return prod(result) * weights[1]


_COUNTED: dict[str, tuple[int, int, int, Callable[[_Shape, _Shape, _Shape], int]]] = {
    "CONV_2D": (0, 1, 4, _convolution),
    "DEPTHWISE_CONV_2D": (0, 1, 4, _depthwise),
    "TRANSPOSE_CONV": (2, 1, 4, _transposed),
    "FULLY_CONNECTED": (0, 1, 2, _fully_connected),
}
"""Operator -> which inputs are picture and weights, the weights' rank, and the count."""


def _multiply_accumulates(
    operators: tuple[Operator, ...], tensors: tuple[TensorShape, ...], inputs: tuple[int, ...]
) -> int:
    total = 0
    for i, operator in enumerate(operators):
        if operator.name not in _COUNTED:
            continue
        source, weights, rank, count = _COUNTED[operator.name]
        known = (operator.inputs[source : source + 1] or (-1,)) + (
            operator.inputs[weights : weights + 1] or (-1,)
        )
        if min(known) < 0 or not operator.outputs or len(tensors[known[1]].shape) != rank:
            raise FlatBufferError(
                f"subgraphs[0].operators[{i}]: {operator.name} without picture, weights of rank {rank} or result"
            )
        total += count(*(tensors[number].shape for number in (*known, operator.outputs[0])))
    batch = tensors[inputs[0]].shape[:1] if inputs else ()
    return total // max(1, *batch, 1)
