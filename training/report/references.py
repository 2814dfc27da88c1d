"""Models to compare with, such as the image classification models of MLPerf Tiny (github.com/mlcommons/tiny).

They are bare `.tflite` files, fed with pixels 0..255 as their benchmark documents it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from benchmarks.model.subjects import load_references
from image_classifier.classifier import Classifier
from training.dataset import CLASSES
from training.report.document import Reference

DIRECTORY_VARIABLE = "REFERENCE_MODELS_DIR"

MLPERF_TINY = {
    "pretrainedResnet_quant.tflite": ("ResNet-8 int8", 0.877),
    "pretrainedResnet.tflite": ("ResNet-8 float", 0.880),
    "pretrainedResnet_large_int8.tflite": ("large ResNet int8", 0.912),
}
"""Name for readers, and top-1 on 1,017 lossless test images of CIFAR-10 as stated where the models were handed to
this project (lossless test images are not at hand here). The first one is what latencies are compared with."""


def default_files() -> list[Path]:
    """The models of MLPerf Tiny in `REFERENCE_MODELS_DIR`, in the order of the table; none if it is not set."""
    folder = os.environ.get(DIRECTORY_VARIABLE)
    return [Path(folder) / name for name in MLPERF_TINY if (Path(folder) / name).is_file()] if folder else []


def describe(file: Path) -> Reference:
    name, lossless = MLPERF_TINY.get(file.name, (file.stem, None))
    return Reference(name=name, file=file.name, lossless=lossless)


def open_references(files: Iterable[Path]) -> dict[str, Classifier]:
    """A classifier of each file by its name for readers, decoding and preprocessing as our own do.

    Raises:
        BenchmarkError, BundleError: not a model of ten classes with an RGB image as its input.
    """
    found = load_references(files, CLASSES, threads=1)
    return {describe(Path(subject.name)).name: Classifier(subject.bundle) for subject in found}
