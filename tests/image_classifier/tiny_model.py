"""Small real TFLite models, built from the format's own schema, right or wrong in one chosen way.

The model answers which of red, green and blue a picture has most of, so a test can say what must come out.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from image_classifier.bundle import Bundle
from image_classifier.seal import seal

LABELS = ("red", "green", "blue")
SIDE = 8
_TYPES = {
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "float32": schema.TensorType.FLOAT32,
}


@dataclass(frozen=True, slots=True)
class Tiny:
    """One model: [1, side, side, 3] -> fully connected -> (softmax) -> [1, outputs]."""

    side: int = SIDE
    outputs: int = 3
    dtype: str = "int8"
    input_scale: float = 1 / 255
    input_zero_point: int = -128
    softmax: bool = True
    custom_op: bool = False

    def build(self) -> bytes:
        builder = flatbuffers.Builder(4096)
        builder.Finish(_model(self).Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _model(tiny: Tiny) -> Any:
    pixels = tiny.side * tiny.side
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, "tiny"
    model.buffers, graph.tensors = [schema.BufferT()], []

    def tensor(
        name: str, shape: list[int], dtype: str, scale: float, zero_point: int, data: Any = None
    ) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type = name, shape, _TYPES.get(dtype, schema.TensorType.INT32)
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            model.buffers.append(buffer)
            made.buffer = len(model.buffers) - 1
        if dtype != "float32":
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale], [zero_point]
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    real = tiny.dtype == "float32"
    weights = np.zeros((tiny.outputs, pixels, 3), np.float32 if real else np.int8)
    for output in range(min(3, tiny.outputs)):
        weights[output, :, output] = 20 / pixels if real else 127
    source = tensor(
        "image", [1, tiny.side, tiny.side, 3], tiny.dtype, tiny.input_scale, tiny.input_zero_point
    )
    weight_scale = 20 / pixels / 127
    matrix = tensor(
        "weights", [tiny.outputs, pixels * 3], tiny.dtype, weight_scale, 0, weights.reshape(tiny.outputs, -1)
    )
    bias = tensor(
        "bias",
        [tiny.outputs],
        "float32" if real else "int32",
        tiny.input_scale * weight_scale,
        0,
        np.zeros(tiny.outputs, np.float32 if real else np.int32),
    )
    lowest = 0 if tiny.dtype == "uint8" else -128
    scores = tensor("scores", [1, tiny.outputs], tiny.dtype, 20 / 255, lowest)
    sink = scores
    graph.operators = [_operator(0, [source, matrix, bias], [scores], _fully_connected())]
    codes = [schema.BuiltinOperator.FULLY_CONNECTED]
    if tiny.softmax:
        sink = tensor("probabilities", [1, tiny.outputs], tiny.dtype, 1 / 256, lowest)
        graph.operators.append(_operator(1, [scores], [sink], _softmax()))
        codes.append(schema.BuiltinOperator.SOFTMAX)
    graph.inputs, graph.outputs = [source], [sink]
    model.operatorCodes = [_code(code, tiny.custom_op) for code in codes]
    model.subgraphs = [graph]
    return model


def _code(builtin: int, custom: bool) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = schema.BuiltinOperator.CUSTOM if custom else builtin
    code.deprecatedBuiltinCode = code.builtinCode
    code.customCode = "HostileOp" if custom else None
    code.version = 4 if builtin == schema.BuiltinOperator.FULLY_CONNECTED else 2
    return code


def _operator(code: int, inputs: list[int], outputs: list[int], options: tuple[int, Any]) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, outputs
    operator.builtinOptionsType, operator.builtinOptions = options
    return operator


def _fully_connected() -> tuple[int, Any]:
    return schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()


def _softmax() -> tuple[int, Any]:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    return schema.BuiltinOptions.SoftmaxOptions, options


def encode(rgb: Any, kind: str = "PNG", **options: Any) -> bytes:
    """An encoded picture of an RGB array or a Pillow image."""
    image = rgb if isinstance(rgb, Image.Image) else Image.fromarray(np.asarray(rgb, np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(colour: tuple[int, int, int], width: int = SIDE, height: int = SIDE) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def draft(name: str = "tiny", tiny: Tiny | None = None) -> dict[str, Any]:
    """What a training script writes by hand; `seal` adds the rest."""
    tiny = tiny or Tiny()
    return {
        "schema": "bundle/1",
        "name": name,
        "version": "1.0.0",
        "description": "Most of red, green or blue",
        "licence": "MIT",
        "file": "tiny.tflite",
        "labels": list(LABELS[: tiny.outputs]) + [f"extra{i}" for i in range(tiny.outputs - 3)],
        "input": {
            "colourOrder": "RGB",
            "resize": {"rule": "squash", "interpolation": "bilinear"},
            "normalisation": {"mean": [0, 0, 0], "standardDeviation": [255, 255, 255]},
        },
        "output": {"activation": "softmax" if tiny.softmax else "logits"},
        "abstention": {"margin": 0.1},
        "measured": {"accuracy": [], "latency": []},
        "training": {"data": "none", "commit": "none", "seed": 0},
        "goldenVectors": {"tolerance": 0.03},
    }


def golden_images() -> dict[str, bytes]:
    mixed = np.random.default_rng(7).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return {"orange": encode(plain((240, 130, 20))), "mixed": encode(mixed)}


def make_bundle(folder: Path, tiny: Tiny | None = None, **changes: Any) -> Bundle:
    """A sealed bundle in `folder`; `changes` replace top-level fields of the draft."""
    tiny = tiny or Tiny()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.tflite").write_bytes(tiny.build())
    return seal(folder, draft(folder.name, tiny) | changes, golden_images())


def edit(bundle: Bundle, *path: str | int, value: Any) -> None:
    """Change one field of the bundle's document on disk."""
    document = json.loads(bundle.document_path.read_text("utf-8"))
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    bundle.document_path.write_text(json.dumps(document), "utf-8")


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
