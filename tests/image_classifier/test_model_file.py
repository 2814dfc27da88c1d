"""What the reader says of a model file is what the runtime says, and no file makes it fail otherwise."""

from __future__ import annotations

import contextlib
import os
import struct
import time
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from image_classifier.bundle import SHIPPED
from image_classifier.errors import BundleError
from image_classifier.flatbuffer import MAX_ITEMS, Content
from image_classifier.model_file import MAX_RANK, TENSOR_TYPES, read_model_file
from image_classifier.operators import ALLOWED_OPERATORS, CUSTOM, operator_name
from image_classifier.runtime import new_interpreter
from tests.image_classifier.tiny_model import Tiny

HERE = Path("some.tflite")
SHIPPED_MODELS = sorted(SHIPPED.glob("*/*.tflite"))


def references() -> list[Path]:
    place = os.environ.get("REFERENCE_MODELS_DIR")
    return sorted(Path(place).rglob("*.tflite")) if place else []


@pytest.mark.parametrize("path", SHIPPED_MODELS + references(), ids=lambda path: path.stem)
def test_the_runtime_sees_the_same_graph(path: Path) -> None:
    content = path.read_bytes()
    model, interpreter = read_model_file(content, path), new_interpreter(content, 1)
    # The runtime appends what its delegate makes of the graph.
    theirs = [step for step in interpreter._get_ops_details() if step["op_name"] != "DELEGATE"]
    assert [o.name for o in model.operators] == [step["op_name"] for step in theirs]
    assert [list(o.inputs) for o in model.operators] == [list(step["inputs"]) for step in theirs]
    assert [list(o.outputs) for o in model.operators] == [list(step["outputs"]) for step in theirs]
    known = {details["index"]: details for details in interpreter.get_tensor_details()}
    for index, tensor in enumerate(model.tensors):
        if index in known:
            assert list(tensor.shape) == list(known[index]["shape"])
            assert tensor.dtype == np.dtype(known[index]["dtype"]).name
            assert known[index]["name"].startswith(tensor.name)
    assert list(model.inputs) == [d["index"] for d in interpreter.get_input_details()]
    assert list(model.outputs) == [d["index"] for d in interpreter.get_output_details()]


def test_the_multiply_accumulates_of_fast_by_hand() -> None:
    """A stem of 16 maps, pooled to 16x16; a block each of 64, 128, 256 maps, two of them halving; a dense layer."""
    content = (SHIPPED / "fast" / "fast.tflite").read_bytes()
    by_hand = (
        32 * 32 * 16 * (9 * 3)
        + 16 * 16 * 64 * (9 * 16 + 9 * 64 + 1 * 16)
        + 8 * 8 * 128 * (9 * 64 + 9 * 128 + 4 * 64)
        + 4 * 4 * 256 * (9 * 128 + 9 * 256 + 4 * 128)
        + 256 * 10
    )
    assert read_model_file(content, HERE).multiply_accumulates == by_hand


@pytest.mark.parametrize(("side", "outputs"), [(8, 3), (32, 10)])
def test_the_multiply_accumulates_of_a_fully_connected_layer(side: int, outputs: int) -> None:
    content = Tiny(side=side, outputs=outputs).build()
    assert read_model_file(content, HERE).multiply_accumulates == side * side * 3 * outputs


def _convolution(kind: int, source: list[int], weights: list[int], result: list[int]) -> bytes:
    model, graph, code, step = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    model.version, model.buffers, model.subgraphs, model.operatorCodes = (
        3,
        [schema.BufferT()],
        [graph],
        [code],
    )
    code.builtinCode, code.deprecatedBuiltinCode = kind, min(kind, 127)
    graph.tensors = []
    for shape in (source, weights, result):
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.name = shape, schema.TensorType.INT8, "t"
        graph.tensors.append(tensor)
    transposed = kind == schema.BuiltinOperator.TRANSPOSE_CONV
    step.inputs, step.outputs = ([2, 1, 0] if transposed else [0, 1]), [2]
    graph.operators, graph.inputs, graph.outputs = [step], [0], [2]
    return packed(model)


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builter(0) if False else flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    ("kind", "source", "weights", "result", "expected"),
    [
        # 16 x 16 positions, 8 outputs, each from 3 x 3 x 4 values
        ("CONV_2D", [1, 16, 16, 4], [8, 3, 3, 4], [1, 16, 16, 8], 16 * 16 * 8 * 3 * 3 * 4),
        # two groups: an output sees half of the inputs
        ("CONV_2D", [1, 16, 16, 4], [8, 3, 3, 2], [1, 16, 16, 8], 16 * 16 * 8 * 3 * 3 * 2),
        # two pictures at once: still the count of one
        ("CONV_2D", [2, 16, 16, 4], [8, 3, 3, 4], [2, 16, 16, 8], 16 * 16 * 8 * 3 * 3 * 4),
        ("DEPTHWISE_CONV_2D", [1, 16, 16, 4], [1, 3, 3, 4], [1, 8, 8, 4], 8 * 8 * 4 * 3 * 3),
        # every value of the 8 x 8 x 4 input is spread over 2 x 2 positions of 6 outputs
        ("TRANSPOSE_CONV", [1, 8, 8, 4], [6, 2, 2, 4], [1, 16, 16, 6], 8 * 8 * 4 * 2 * 2 * 6),
    ],
)
def test_the_multiply_accumulates_of_convolutions(
    kind: str, source: list[int], weights: list[int], result: list[int], expected: int
) -> None:
    content = _convolution(getattr(schema.BuiltinOperator, kind), source, weights, result)
    assert read_model_file(content, HERE).multiply_accumulates == expected


def test_the_reference_s_multiply_accumulates_are_the_published_ones() -> None:
    """ResNet-8 of MLPerf Tiny: 12.5 million (Banbury et al., 2021)."""
    found = [path for path in references() if path.name == "pretrainedResnet_quant.tflite"]
    if not found:
        pytest.skip("REFERENCE_MODELS_DIR is not set or has no pretrainedResnet_quant.tflite")
    assert read_model_file(found[0].read_bytes(), HERE).multiply_accumulates == 12_501_632


def test_names_and_numbers_are_those_of_the_schema() -> None:
    numbers = {k: v for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    assert {name: operator_name(numbers[name]) for name in ALLOWED_OPERATORS} == {
        name: name for name in ALLOWED_OPERATORS
    }
    assert [operator_name(n) for n in range(162)] == [
        name for name, number in sorted(numbers.items(), key=lambda item: item[1]) if number < 162
    ]
    assert operator_name(9999) == "OPERATOR_9999"
    assert numbers["CUSTOM"] == CUSTOM
    types = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
    assert list(TENSOR_TYPES) == [types[number] for number in range(len(TENSOR_TYPES))]


def test_an_operator_above_127_is_named_by_its_wide_number() -> None:
    content = _convolution(schema.BuiltinOperator.GELU, [1], [1], [1])
    assert read_model_file(content, HERE).declared == (("GELU", 1),)


def changed(**edits: Any) -> bytes:
    """The tiny model after `edits`: a path like `subgraphs.0.tensors.1.shape` -> value."""
    model = schema.ModelT.InitFromPackedBuf(Tiny().build(), 0)
    for path, value in edits.items():
        holder: Any = model
        *steps, last = path.split("__")
        for name in steps:
            holder = holder[int(name)] if name.isdigit() else getattr(holder, name)
        setattr(holder, last, value)
    return packed(model)


@pytest.mark.parametrize(
    ("edits", "complaint"),
    [
        ({"version": 2}, "schema version 2, only 3 is known"),
        ({"subgraphs": []}, "there is no graph"),
        ({"subgraphs__0__inputs": [99]}, r"subgraphs\[0\]\.inputs: tensor 99 of 5"),
        ({"subgraphs__0__outputs": [-1]}, r"subgraphs\[0\]\.outputs: tensor -1 of 5"),
        ({"subgraphs__0__operators__0__opcodeIndex": 7}, r"operators\[0\]\.opcode_index: 7 of 2"),
        ({"subgraphs__0__operators__0__inputs": [0, 1, -2]}, r"operators\[0\]\.inputs: tensor -2"),
        ({"subgraphs__0__operators__0__inputs": [0]}, "FULLY_CONNECTED without picture, weights"),
        ({"subgraphs__0__operators__0__outputs": []}, "FULLY_CONNECTED without picture, weights"),
        ({"subgraphs__0__tensors__1__shape": [3]}, "weights of rank 2"),
        ({"subgraphs__0__tensors__0__shape": [1, -8, 8, 3]}, r"tensors\[0\]\.shape: rank 4"),
        ({"subgraphs__0__tensors__0__shape": [1] * (MAX_RANK + 1)}, r"tensors\[0\]\.shape: rank 9"),
        ({"subgraphs__0__tensors__0__type": 99}, r"tensors\[0\]\.type: 99"),
        ({"subgraphs__0__tensors__0__buffer": 99}, r"tensors\[0\]\.buffer: 99 of 3"),
        ({"operatorCodes__0__deprecatedBuiltinCode": -5}, r"operator_codes\[0\]: operator number -5"),
        ({"buffers__1__offset": 4096}, r"buffers\[1\]: data outside the FlatBuffer"),
    ],
)
def test_a_graph_that_leads_astray(edits: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BundleError, match=f"some.tflite: not a sound TFLite model: .*{complaint}"):
        read_model_file(changed(**edits), HERE)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no identifier"),
        (b"TFL3", "no identifier"),
        (b"\0" * 4 + b"TFL2", "no identifier b'TFL3' but b'TFL2' at byte 4"),
        (b"\xff\xff\xff\x7fTFL3", "root: byte 2147483647 is outside the 8 of the file"),
        (b"\x09\0\0\0TFL3" + bytes(32), "root: byte 9 is not a multiple of 4"),
        (b"\x08\0\0\0TFL3" + bytes(8), "a vtable of 0 bytes at byte 8"),
        (b"\x08\0\0\0TFL3\xf0\xff\xff\xff", "vtable: byte 24 is outside"),
        (b"\x08\0\0\0TFL3\x7f\0\0\0", "vtable: byte -119 is outside"),
    ],
)
def test_bytes_that_are_no_model(content: bytes, complaint: str) -> None:
    with pytest.raises(BundleError, match=complaint):
        read_model_file(content, HERE)


def test_weights_that_do_not_fit_into_the_file() -> None:
    content = bytearray(Tiny().build())
    found = Content(bytes(content)).root(b"TFL3").tables(4, "buffers")[1]._vector(0, "data", 1)
    assert found is not None
    struct.pack_into("<I", content, found[0] - 4, len(content))
    with pytest.raises(
        BundleError, match=r"buffers\[1\]\.data: \d+ items at byte \d+ do not fit into the file"
    ):
        read_model_file(bytes(content), HERE)


def test_operators_that_share_their_bytes_do_not_make_the_reader_work_for_hours() -> None:
    """60,000 operators that are all the same table, whose list of inputs is 60,000 long: 3.6 billion steps."""
    count, content = 60_000, bytearray(Tiny().build())
    content += bytes(-len(content) % 4)
    graph = Content(bytes(content)).root(b"TFL3").tables(2, "subgraphs")[0]
    place = graph._place(3, "operators", 4)
    assert place is not None
    struct.pack_into("<I", content, place, len(content) - place)
    vtable = struct.pack("<HHHHHH", 10, 12, 0, 4, 8, 0)  # no opcode_index, then inputs and outputs
    table = len(content) + 4 + 4 * count + len(vtable)
    starts = range(len(content) + 4, len(content) + 4 + 4 * count, 4)
    content += struct.pack(f"<I{count}I", count, *(table - start for start in starts))
    content += vtable + struct.pack("<iII", len(vtable), 8, 4)
    content += struct.pack(f"<I{count}i", count, *([0] * count))
    started = time.process_time()
    with pytest.raises(BundleError, match=f"operators.*more than {MAX_ITEMS} items"):
        read_model_file(bytes(content), HERE)
    assert time.process_time() - started < 20


@given(data=st.data())
def test_no_file_makes_the_reader_fail_otherwise(data: st.DataObject) -> None:
    content = bytearray(Tiny().build())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=4))
        content[place : place + len(piece)] = piece
    with contextlib.suppress(BundleError):
        read_model_file(bytes(content[: data.draw(st.integers(0, len(content)))]), HERE)
