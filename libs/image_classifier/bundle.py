"""The model bundle: a folder with one `.tflite` file and one `bundle.json` (schema `bundle/1`).

`docs/bundle.md` explains each field with an example. This module reads and validates the document and the
file's hash; whether the model itself agrees is checked by `model.Model`, which reads the model.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_classifier.errors import BundleError, BundleNotFoundError
from image_classifier.fields import Fields

SCHEMA = "bundle/1"
DOCUMENT = "bundle.json"
SHIPPED = Path(__file__).with_name("bundles")
"""The folder of the bundles that ship with the project: a bundle's name is its folder's name there."""

MAX_LABEL_CHARACTERS = 64
"""What a `prediction/1` message carries."""
MAX_DOCUMENT_BYTES = 4 << 20
MAX_DEPTH = 32
MAX_MODEL_BYTES = 256 << 20

NAME = r"[a-z0-9][a-z0-9_.-]{0,63}"
VERSION = r"\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?"
_FILE = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\.tflite"
_SHA256 = r"[0-9a-f]{64}"
_DTYPES = ("int8", "uint8", "float32")


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (tensor - zero_point); scale 0 means that the tensor holds real numbers (float32)."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How pixels become the input tensor.

    real = (pixel - mean[channel]) / standard_deviation[channel], with pixel 0..255 in the order of
    `colour_order`; tensor = round(real / scale) + zero_point, halves away from zero, clipped to `dtype`.
    """

    shape: tuple[int, int, int, int]
    dtype: str
    quantization: Quantization
    colour_order: str
    resize_rule: str
    interpolation: str
    mean: tuple[float, ...]
    standard_deviation: tuple[float, ...]

    @property
    def height(self) -> int:
        return self.shape[1]

    @property
    def width(self) -> int:
        return self.shape[2]


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """`activation` says what the model's output is: `softmax` probabilities or `logits`."""

    dtype: str
    quantization: Quantization
    activation: str


@dataclass(frozen=True, slots=True)
class GoldenVector:
    """A picture, the sha256 of the tensor bytes that it must give, and its probabilities per label."""

    name: str
    content_type: str
    image: bytes = field(repr=False)
    tensor_sha256: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A validated bundle on disk; `sha256` is the model file's, and was checked when it was loaded."""

    folder: Path
    name: str
    version: str
    description: str
    licence: str
    file: str
    sha256: str
    labels: tuple[str, ...]
    input: InputSpec
    output: OutputSpec
    margin: float
    golden_tolerance: float
    golden_vectors: tuple[GoldenVector, ...]
    measured: dict[str, Any]
    training: dict[str, Any]
    model_bytes: bytes = field(repr=False)

    @property
    def document_path(self) -> Path:
        return self.folder / DOCUMENT

    @property
    def model_path(self) -> Path:
        return self.folder / self.file


def shipped_names() -> list[str]:
    """Names of the bundles that ship with the project, sorted."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{DOCUMENT}"))


def find_bundle(name_or_path: str | Path) -> Path:
    """Folder of a bundle: a shipped name first, else a path to a folder or to its bundle.json."""
    shipped = SHIPPED / name_or_path
    path = Path(name_or_path)
    for candidate in (shipped if shipped.parent == SHIPPED else path, path, path.parent):
        # a name longer than any file's is an error of its own
        with contextlib.suppress(OSError):
            if (candidate / DOCUMENT).is_file() and (candidate != path.parent or path.name == DOCUMENT):
                return candidate.resolve()
    known = ", ".join(shipped_names()) or "none"
    raise BundleNotFoundError(path, f"no bundle of this name or path; shipped bundles: {known}")


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Read and validate a bundle: every field of the document, and the hash of the model file.

    The bytes that were hashed are the bytes that are kept in `model_bytes` and later interpreted, so a file
    that changes on disk in between cannot be loaded unchecked.

    Raises:
        BundleNotFoundError: no such bundle.
        BundleError: the document or the file is wrong.
    """
    folder = find_bundle(name_or_path)
    path = folder / DOCUMENT
    return parse_document(folder, _read_json(path))


def parse_document(folder: Path, document: Any) -> Bundle:
    """The bundle that `document` (the parsed bundle.json of `folder`) describes."""
    top = Fields(folder / DOCUMENT, document)
    top.choice("schema", SCHEMA)
    top.only(
        "schema", "name", "version", "description", "licence", "file", "sha256", "labels", "input", "output",
        "abstention", "measured", "training", "goldenVectors",
    )  # fmt: skip
    labels = top.texts("labels", MAX_LABEL_CHARACTERS)
    abstention = top.object("abstention")
    abstention.only("margin")
    golden = top.object("goldenVectors")
    golden.only("tolerance", "vectors")
    file, sha256 = top.text("file", _FILE), top.text("sha256", _SHA256)
    return Bundle(
        folder=folder,
        name=top.text("name", NAME),
        version=top.text("version", VERSION),
        description=top.text("description"),
        licence=top.text("licence"),
        file=file,
        sha256=sha256,
        labels=labels,
        input=_input(top.object("input")),
        output=_output(top.object("output")),
        margin=abstention.number("margin", 0, 1),
        golden_tolerance=golden.number("tolerance", 0, 0.5),
        golden_vectors=tuple(_golden(vector, len(labels)) for vector in golden.objects("vectors")),
        measured=top.mapping("measured"),
        training=_training(top),
        model_bytes=_read_model(folder, file, sha256),
    )


def _input(fields: Fields) -> InputSpec:
    fields.only("shape", "dtype", "scale", "zeroPoint", "colourOrder", "resize", "normalisation")
    shape = fields.shape("shape")
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        raise fields.error("shape", "not one RGB image", "[1, height, width, 3]", list(shape))
    resize, normalisation = fields.object("resize"), fields.object("normalisation")
    resize.only("rule", "interpolation")
    normalisation.only("mean", "standardDeviation")
    dtype = fields.choice("dtype", *_DTYPES)
    return InputSpec(
        shape=(1, shape[1], shape[2], 3),
        dtype=dtype,
        quantization=_quantization(fields, dtype),
        colour_order=fields.choice("colourOrder", "RGB", "BGR"),
        resize_rule=resize.choice("rule", "squash", "crop", "pad"),
        interpolation=resize.choice("interpolation", "nearest", "bilinear", "bicubic", "area"),
        mean=normalisation.numbers("mean", 3, -1024, 1024),
        standard_deviation=normalisation.numbers("standardDeviation", 3, 1e-6, 1024),
    )


def _output(fields: Fields) -> OutputSpec:
    fields.only("dtype", "scale", "zeroPoint", "activation")
    dtype = fields.choice("dtype", *_DTYPES)
    return OutputSpec(
        dtype=dtype,
        quantization=_quantization(fields, dtype),
        activation=fields.choice("activation", "softmax", "logits"),
    )


def _quantization(fields: Fields, dtype: str) -> Quantization:
    low, high = {"int8": (-128, 127), "uint8": (0, 255), "float32": (0, 0)}[dtype]
    scale = fields.number("scale", 0, 1e6)
    if (scale == 0) != (dtype == "float32"):
        raise fields.error("scale", f"wrong for {dtype}", "0 for float32, else above 0", scale)
    return Quantization(scale, fields.integer("zeroPoint", low, high))


def _training(top: Fields) -> dict[str, Any]:
    training = top.object("training")
    training.text("data")
    training.text("commit")
    training.integer("seed", -(2**63), 2**63 - 1)
    return top.mapping("training")


def _golden(fields: Fields, labels: int) -> GoldenVector:
    fields.only("name", "contentType", "image", "tensorSha256", "probabilities")
    try:
        image = base64.b64decode(fields.text("image"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise fields.error("image", "not base64", "base64 of the encoded image", str(error)) from None
    return GoldenVector(
        name=fields.text("name"),
        content_type=fields.choice("contentType", "image/png", "image/jpeg"),
        image=image,
        tensor_sha256=fields.text("tensorSha256", _SHA256),
        probabilities=fields.numbers("probabilities", labels, 0, 1),
    )


def _read_json(path: Path) -> Any:
    raw = _read(path, MAX_DOCUMENT_BYTES)
    try:
        document = json.loads(raw)
        _check_depth(document)
        # Half a surrogate pair (\ud800) passes the parser and breaks whoever prints or sends the text.
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BundleError(path, f"not a JSON document: {error}") from None
    return document


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            for child in (
                value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            )
        ]
        if not level:
            return
    raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def _read_model(folder: Path, file: str, sha256: str) -> bytes:
    path = folder / file
    raw = _read(path, MAX_MODEL_BYTES)
    actual = hashlib.sha256(raw).hexdigest()
    if actual != sha256:
        raise BundleError(
            folder / DOCUMENT,
            f"the file {file} is not the one that the document describes",
            field="sha256",
            expected=sha256,
            actual=actual,
        )
    return raw


def _read(path: Path, limit: int) -> bytes:
    if path.exists() and not path.is_file():
        # Opening a pipe that nobody writes to would wait for ever.
        raise BundleError(path, "not a regular file")
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise BundleError(path, f"cannot be read: {error.strerror}") from None
    if len(raw) > limit:
        raise BundleError(path, "too large", expected=f"at most {limit} bytes", actual="more")
    return raw
