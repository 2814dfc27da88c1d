"""Reference models have no document: their convention is read from the model and from what MLPerf Tiny says."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.model.accuracy import Accuracy, accuracies
from benchmarks.model.data_sets import DataSet, named_folder, named_records
from benchmarks.model.subjects import (
    Subject,
    common_labels,
    load_bundles,
    load_references,
    output_order,
    reference_bundle,
)
from image_classifier.bundle import Bundle, InputSpec, Quantization
from image_classifier.errors import BundleError
from image_classifier.preprocess import Preprocessor
from tests.image_classifier.tiny_model import Tiny, make_bundle
from training.dataset import CLASSES

REFERENCES = os.environ.get("REFERENCE_MODELS_DIR")


def top1(subject: Subject, data: DataSet, spec: InputSpec | None = None) -> Accuracy:
    changed = replace(subject, bundle=replace(subject.bundle, input=spec or subject.bundle.input))
    return accuracies([changed], data, 1)[subject.name]


@pytest.mark.parametrize(
    ("tiny", "expected"),
    [
        (Tiny(input_scale=1.0, input_zero_point=-128), [-128, 0, 127]),
        (Tiny(dtype="uint8", input_scale=1.0, input_zero_point=0), [0, 128, 255]),
        (Tiny(dtype="float32"), [0.0, 128.0, 255.0]),
        (Tiny(input_scale=2.0, input_zero_point=-100), [-100, -36, 28]),
    ],
)
def test_pixels_of_0_to_255_are_stored_as_the_model_s_own_input_says(tiny: Tiny, expected: list[int]) -> None:
    bundle = reference_bundle(Path("r.tflite"), tiny.build(), ("a", "b", "c"))
    pixels = np.empty((8, 8, 3), np.uint8)
    pixels[:] = [0, 128, 255]
    tensor = Preprocessor(bundle.input).quantize(pixels)
    assert tensor.dtype == tiny.dtype
    assert tensor[0, 3, 3].tolist() == expected


@pytest.mark.parametrize(
    "tiny",
    [
        Tiny(side=32, outputs=10, input_scale=1.0),
        Tiny(side=32, outputs=10, input_scale=1.0, softmax=False),
        Tiny(side=32, outputs=10, dtype="uint8", input_scale=1.0, input_zero_point=0),
        Tiny(side=32, outputs=10, dtype="float32"),
    ],
)
def test_a_reference_gets_every_colour_right(tiny: Tiny, reference: Path, pictures: Path) -> None:
    reference.write_bytes(tiny.build())
    (subject,) = load_references([reference], CLASSES, 1)
    assert top1(subject, named_folder("colours", pictures, CLASSES)) == Accuracy(6, 6)


def test_swapped_colours_and_a_shifted_zero_point_change_the_accuracy(
    reference: Path, pictures: Path
) -> None:
    (subject,) = load_references([reference], CLASSES, 1)
    data = named_folder("colours", pictures, CLASSES)
    spec = subject.bundle.input
    assert top1(subject, data, replace(spec, colour_order="BGR")) == Accuracy(2, 6)  # only green stays
    shifted = replace(spec, mean=(-128.0, -128.0, -128.0))
    assert top1(subject, data, shifted) == Accuracy(2, 6)  # every channel is bright: the first label always
    with pytest.raises(BundleError, match=r"input\.zeroPoint: the model in reference\.tflite says otherwise"):
        top1(subject, data, replace(spec, quantization=Quantization(1.0, 0)))


def test_the_order_of_a_reference_s_outputs_is_cifar_10_s() -> None:
    assert output_order(tuple(reversed(CLASSES))) == CLASSES
    assert output_order(("red", "green", "blue")) == ("red", "green", "blue")
    assert common_labels([]) == CLASSES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "reference.tflite: not a sound TFLite model"),
        (b"PK\x03\x04 a zip archive", "reference.tflite: not a sound TFLite model"),
        (Tiny(side=32).build(), r"reference.tflite: output \[1, 3\], expected \[1, 10\], one score a label"),
        (Tiny(side=32, outputs=10, custom_op=True).build(), "reference.tflite: .*HostileOp"),
    ],
)
def test_a_file_that_is_no_such_reference_is_named(content: bytes, message: str, reference: Path) -> None:
    reference.write_bytes(content)
    with pytest.raises((BenchmarkError, BundleError), match=message):
        load_references([reference], CLASSES, 1)


def test_references_that_cannot_be_read_or_told_apart_are_named(tmp_path: Path, reference: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"--reference .*absent\.tflite: cannot be read: No such file"):
        load_references([tmp_path / "absent.tflite"], CLASSES, 1)
    with pytest.raises(BenchmarkError, match=r"two of the name reference\.tflite"):
        load_references([reference, reference], CLASSES, 1)


def test_two_bundles_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    first = make_bundle(tmp_path / "a" / "tiny")
    second = make_bundle(tmp_path / "b" / "tiny")
    found = load_bundles([str(first.folder), str(second.folder)], 1)
    assert [subject.name for subject in found] == ["tiny", str(second.folder)]
    for again in (first, second):
        with pytest.raises(BenchmarkError, match="named twice"):
            load_bundles([str(first.folder), str(second.folder), str(again.folder)], 1)


def test_bundles_with_other_labels_are_not_compared(tmp_path: Path, bundle: Bundle) -> None:
    other = make_bundle(tmp_path / "other")
    with pytest.raises(BenchmarkError, match=r"other/bundle\.json: its labels are not those of .*tiny"):
        load_bundles([str(bundle.folder), str(other.folder)], 1)


def test_a_footprint_is_of_the_file(bundle: Bundle) -> None:
    (subject,) = load_bundles([str(bundle.folder)], 1)
    assert subject.footprint.macs == 8 * 8 * 3 * 10
    assert subject.footprint.arena_bytes == 8 * 8 * 3 + 10  # the picture and the scores
    assert subject.footprint.peak_bytes is not None
    assert subject.footprint.peak_bytes > len(bundle.model_bytes)


@pytest.mark.skipif(
    not REFERENCES, reason="REFERENCE_MODELS_DIR does not name a folder of MLPerf Tiny models"
)
def test_resnet_8_reaches_what_is_known_of_it(cifar10: Path) -> None:
    (subject,) = load_references([Path(REFERENCES or "") / "pretrainedResnet_quant.tflite"], CLASSES, 1)
    assert subject.footprint.macs == 12_501_632
    data = named_records("test", cifar10 / "cifar-10-batches-bin" / "test_batch.bin", CLASSES)
    right = top1(subject, data)
    assert right.n == 2000
    assert right.top1 == pytest.approx(0.754, abs=0.03)
    spec = subject.bundle.input
    assert top1(subject, data, replace(spec, colour_order="BGR")).top1 < right.top1 - 0.04
    assert top1(subject, data, replace(spec, mean=(-128.0, -128.0, -128.0))).top1 < right.top1 - 0.04
