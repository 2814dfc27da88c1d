"""The models of a run: bundles, and reference models, which have no bundle document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.errors import BenchmarkError
from benchmarks.model.arena import arena_bytes
from benchmarks.model.memory import peak_bytes
from image_classifier.bundle import MAX_MODEL_BYTES, Bundle, InputSpec, OutputSpec, Quantization, load_bundle
from image_classifier.model import open_model, single_tensor, tensor_facts
from image_classifier.model_file import read_model_file
from training.dataset import CLASSES

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model's file tells; the last two are what the functions of these names return."""

    macs: int
    arena_bytes: int
    peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A model of the run; `name` is its own there."""

    name: str
    kind: Literal["bundle", "reference"]
    bundle: Bundle
    footprint: Footprint


def load_bundles(names_or_paths: Iterable[str], threads: int) -> list[Subject]:
    """Bundles; one whose name is already taken goes by its path.

    Raises:
        BundleError: one is refused.
        BenchmarkError: one ends the process that tries it, or two have other labels than each other.
    """
    found: list[Subject] = []
    for given in names_or_paths:
        bundle = load_bundle(given)
        if found and set(bundle.labels) != set(found[0].bundle.labels):
            raise BenchmarkError(
                f"{bundle.document_path}: its labels are not those of {found[0].bundle.document_path}: "
                "bundles are compared on the same pictures, so measure them apart"
            )
        if bundle.folder in {s.bundle.folder for s in found}:
            raise BenchmarkError(f"--bundle {given}: named twice")
        name = bundle.name if bundle.name not in {s.name for s in found} else str(bundle.folder)
        footprint = _footprint(bundle.model_path, bundle.model_bytes, threads)
        found.append(Subject(name, "bundle", bundle, footprint))
    return found


def load_references(paths: Iterable[Path], labels: Labels, threads: int) -> list[Subject]:
    """Reference models under their files' names.

    Args:
        paths: `.tflite` files that take RGB pixels of 0..255 and answer one score a label.
        labels: the names of the outputs, in their order.
        threads: of the runtime.

    Raises:
        BundleError: one is no sound model or has other tensors than that.
        BenchmarkError: one ends the process that tries it, or cannot be read.
    """
    found: list[Subject] = []
    for path in paths:
        content = _read(path)
        if path.name in {s.name for s in found}:
            raise BenchmarkError(f"--reference {path}: there are two of the name {path.name}")
        # before anything of it is opened here
        footprint = _footprint(path, content, threads)
        found.append(Subject(path.name, "reference", reference_bundle(path, content, labels), footprint))
    return found


def common_labels(bundles: Sequence[Subject]) -> Labels:
    """The labels of the run's pictures: of the bundles, or CIFAR-10's if there is none."""
    return bundles[0].bundle.labels if bundles else CLASSES


def output_order(labels: Labels) -> Labels:
    """In which order a reference model answers these labels: the data set's own if they are CIFAR-10's."""
    return CLASSES if set(labels) == set(CLASSES) else labels


def reference_bundle(path: Path, content: bytes, labels: Labels) -> Bundle:
    """The document that an MLPerf Tiny image classification model would have.

    Its convention: real input = pixel 0..255, RGB, as the model's own scale and zero point store it (for the int8
    ones, scale 1 and zero point -128, that is `pixel - 128`; float32 takes the pixels themselves). It is the
    benchmark's, `benchmark/training/image_classification` of the public repository mlcommons/tiny, which feeds the
    pixels of CIFAR-10 without any normalisation.

    Raises:
        BundleError: not one picture in and one score a label out.
        BenchmarkError: a type or a number of outputs that does not fit.
    """
    interpreter = open_model(path, content, 1)
    source = _facts(path, interpreter.get_input_details(), "input")
    sink = _facts(path, interpreter.get_output_details(), "output")
    shape = source["shape"]
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        raise BenchmarkError(f"{path}: input {shape}, expected one RGB image, [1, height, width, 3]")
    if sink["shape"] != [1, len(labels)]:
        raise BenchmarkError(
            f"{path}: output {sink['shape']}, expected [1, {len(labels)}], one score a label"
        )
    operators = read_model_file(content, path).operators
    return Bundle(
        folder=path.parent,
        name=path.name,
        version="0.0.0",
        description="reference model",
        licence="of its own",
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        labels=labels,
        input=InputSpec(
            shape=(1, shape[1], shape[2], 3),
            dtype=source["dtype"],
            quantization=Quantization(source["scale"], source["zeroPoint"]),
            colour_order="RGB",
            resize_rule="squash",
            interpolation="bilinear",
            mean=(0.0, 0.0, 0.0),
            standard_deviation=(1.0, 1.0, 1.0),
        ),
        output=OutputSpec(
            dtype=sink["dtype"],
            quantization=Quantization(sink["scale"], sink["zeroPoint"]),
            activation="softmax" if operators and operators[-1].name == "SOFTMAX" else "logits",
        ),
        margin=0.0,
        golden_tolerance=0.0,
        golden_vectors=(),
        measured={},
        training={},
        model_bytes=content,
    )


def _facts(path: Path, details: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    facts = tensor_facts(path, single_tensor(path, details, kind), kind)
    if facts["dtype"] not in ("int8", "uint8", "float32"):
        raise BenchmarkError(f"{path}: {kind} of type {facts['dtype']}, expected int8, uint8 or float32")
    return facts


def _footprint(path: Path, content: bytes, threads: int) -> Footprint:
    file = read_model_file(content, path)
    return Footprint(file.multiply_accumulates, arena_bytes(file), peak_bytes(path, content, threads))


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_MODEL_BYTES:
            raise BenchmarkError(f"--reference {path}: {size} bytes, at most {MAX_MODEL_BYTES} are read")
        return path.read_bytes()
    except OSError as error:
        raise BenchmarkError(f"--reference {path}: cannot be read: {error.strerror}") from None
