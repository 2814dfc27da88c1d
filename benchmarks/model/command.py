"""`scripts/bench model`: bundles and reference models in one run, on one machine, under one runtime."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.errors import BenchmarkError
from benchmarks.model.accuracy import Accuracy, accuracies
from benchmarks.model.data_sets import DataSet, cifar10_test, named_folder, named_records
from benchmarks.model.report import Result, table
from benchmarks.model.subjects import (
    Labels,
    Subject,
    common_labels,
    load_bundles,
    load_references,
    output_order,
)
from benchmarks.progress import stage, tell
from image_classifier.bundle import shipped_names
from image_classifier.option_types import measuring_time, thread_count
from image_classifier.runtime import load_runtime
from training.dataset import CLASSES
from training.interleaving import SITTINGS, TIMED, interleaved_s, ratio, times_s
from training.machine import machine

FIRST_REFERENCE = "pretrainedResnet_quant.tflite"
"""MLPerf Tiny's ResNet-8, int8: what the limits are stated against."""
TABLE_COLUMNS = 150
"""Width of the table where there is no terminal to fit."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bundle", action="append", metavar="NAME_OR_PATH", help="default: every bundle that ships"
    )
    parser.add_argument(
        "--reference", action="append", type=Path, metavar="FILE.tflite",
        help="a model that takes RGB pixels 0..255; ratios are to the first one (default: those of the folder "
        f"REFERENCE_MODELS_DIR, {FIRST_REFERENCE} first)",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="CIFAR-10, packed or expanded (default: CIFAR10_DIR)"
    )
    parser.add_argument(
        "--folder", action="append", type=_named, default=[], metavar="NAME=DIR",
        help="another data set: class folders of JPEG or PNG files",
    )  # fmt: skip
    parser.add_argument(
        "--records", action="append", type=_named, default=[], metavar="NAME=FILE.bin",
        help="another data set: CIFAR-10 binary records, such as lossless=test_batch.bin",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=measuring_time, default=30.0, metavar="S", help="timing all models (default 30)"
    )
    parser.add_argument("--threads", type=thread_count, default=1, help="of one inference (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        BenchmarkError, ImageClassifierError: an option names what cannot be measured.
    """
    reference_files = _reference_files(options.reference)
    names = shipped_names() if options.bundle is None else options.bundle
    with stage("trying each model in a process of its own"):
        bundles = load_bundles(names, options.threads)
        labels = common_labels(bundles)
        references = load_references(reference_files, output_order(labels), options.threads)
    subjects = [*references, *bundles]
    if not subjects:
        raise BenchmarkError("nothing to measure: give --bundle or --reference")
    with stage("reading the pictures"):
        data_sets = _data_sets(options, labels)
    load = os.getloadavg()[0]
    results = _measured(subjects, data_sets, options.seconds, options.threads)
    _print(results, references[0].name if references else None, options, load)


def _measured(
    subjects: Sequence[Subject], data_sets: Sequence[DataSet], seconds: float, threads: int
) -> list[Result]:
    with stage(f"timing {len(subjects)} models in turns") as progress:
        models = {subject.name: subject.bundle.model_bytes for subject in subjects}
        sittings = interleaved_s(models, seconds, threads=threads, progress=progress)
    accuracy: dict[str, dict[str, Accuracy]] = {subject.name: {} for subject in subjects}
    for data in data_sets:
        with stage(f"accuracy on {data.name}") as progress:
            for name, found in accuracies(subjects, data, threads, progress).items():
                accuracy[name][data.name] = found
    first = subjects[0].name if subjects[0].kind == "reference" else None
    return [
        Result(
            subject=subject,
            times_s=times_s(sittings, subject.name),
            ratio=ratio(sittings, subject.name, first) if first else None,
            accuracy=accuracy[subject.name],
        )
        for subject in subjects
    ]


def _print(
    results: Sequence[Result], reference: str | None, options: argparse.Namespace, load: float
) -> None:
    runtime = load_runtime()
    document = {
        "models": [result.document() for result in results],
        "machine": machine(),
        "runtime": f"{runtime.distribution} {runtime.version}",
        "reference": reference,
        "threads": options.threads,
        "invocations": len(results[0].times_s),
        "loadAverage": round(load, 1),
    }
    if options.json:
        print(json.dumps(document))
        return
    console = Console() if sys.stdout.isatty() else Console(width=TABLE_COLUMNS)
    console.print(table(results, _caption(document)))


def _caption(document: dict[str, Any]) -> str:
    reference = document["reference"]
    ratios = f"median (quartiles) of {SITTINGS} sittings with new interpreters, time by that of {reference}"
    return (
        f"{document['machine']}, load average {document['loadAverage']} before; {document['runtime']}, "
        f"{document['threads']} thread(s); {document['invocations']} timed invocations a model, in turns of {TIMED}. "
        f"Time ratio: {ratios if reference else 'no reference'}. Memory: the interpreter with the model's file, at "
        "its peak, above the runtime's own. Arena: activations that are alive at once. kB, MB: 1,000 and 1,000,000 "
        "bytes."
    )


def _reference_files(given: list[Path] | None) -> list[Path]:
    """The option's files, or those of REFERENCE_MODELS_DIR, the first of which the ratios are to."""
    if given is not None:
        return given
    place = os.environ.get("REFERENCE_MODELS_DIR")
    if not place:
        tell("no reference, so no ratios: give --reference or set REFERENCE_MODELS_DIR")
        return []
    files = sorted(Path(place).glob("*.tflite"), key=lambda file: (file.name != FIRST_REFERENCE, file.name))
    if not files:
        raise BenchmarkError(f"REFERENCE_MODELS_DIR = {place} holds no .tflite file")
    return files


def _data_sets(options: argparse.Namespace, labels: Labels) -> list[DataSet]:
    given = [named_folder(name, path, labels) for name, path in options.folder]
    given += [named_records(name, path, labels) for name, path in options.records]
    names = [data.name for data in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise BenchmarkError(f"two data sets are named {twice}")
    found = [*(data for data in _cifar10(options.data, labels) if data.name not in names), *given]
    if not found:
        tell("no pictures, so no accuracy: give --data, --folder or --records, or set CIFAR10_DIR")
    return found


def _cifar10(given: Path | None, labels: Labels) -> Iterator[DataSet]:
    place = given or os.environ.get("CIFAR10_DIR")
    if not place:
        return
    if set(labels) != set(CLASSES):
        if given:
            raise BenchmarkError(f"--data {given}: CIFAR-10 has other labels than the bundles; use --folder")
        return
    yield from cifar10_test(Path(place))


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not path or not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=PATH, NAME of letters, digits, _ and -")
    return name, Path(path)
