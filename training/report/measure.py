"""Measuring everything that the report says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.progress import stage
from image_classifier.bundle import Bundle, load_bundle
from image_classifier.classifier import Classifier
from image_classifier.evaluate import evaluate
from image_classifier.labelled import Labelled
from image_classifier.runtime import load_runtime
from training.bundling import cifar10_test_split
from training.dataset import CLASSES
from training.earlier import lineage
from training.loading import TrainingSet, load_training
from training.machine import machine
from training.report.document import BundleReport, QualityReport, Report
from training.report.held_out import HeldOutUnknownError, lossless_held_out
from training.report.jpeg_quality import sweep
from training.report.other_commands import OtherCommandError, json_of
from training.report.references import describe, open_references
from training.settings import SettingsError

PICTURES_PER_STEP = 100


class ReportError(Exception):
    """A report that cannot be made; the message says what to give instead."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure: bundles by name or path, CIFAR-10, files of reference models, `seconds` of timing."""

    bundles: tuple[str, ...]
    data: Path
    references: tuple[Path, ...]
    seconds: float
    command: str


def measure(request: Request) -> Report:
    """Measure it all; what cannot be measured is named in the report with the reason.

    Raises:
        ImageClassifierError: a bundle or reference cannot be used.
        DatasetError: the data cannot be read.
        ReportError: a bundle has other classes than the data, or two have one name.
    """
    bundles = _bundles(request.bundles)
    with stage("reading the pictures"):
        test = cifar10_test_split(request.data)
        pictures = list(test.pictures)
        source = load_training(request.data)
    references = open_references(request.references)
    reports = tuple(_bundle(bundle, pictures, source, references) for bundle in bundles)
    bench, bench_problem = _asked("scripts/bench", ["model", *_bench_arguments(request), "--json"])
    runtime = load_runtime()
    return Report(
        command=request.command,
        machine=machine(),
        runtime=f"{runtime.distribution} {runtime.version}",
        test_data=test.data,
        bundles=reports,
        references=tuple(map(describe, request.references)),
        bench=bench,
        bench_problem=bench_problem,
    )


def _bundles(names: Sequence[str]) -> list[Bundle]:
    bundles = [load_bundle(name) for name in names]
    seen: set[str] = set()
    for bundle in bundles:
        if bundle.labels != CLASSES:
            raise ReportError(
                f"{bundle.document_path}: its labels are not those of CIFAR-10, in their order: measure it with "
                "`python -m image_classifier evaluate`"
            )
        if bundle.name in seen:
            raise ReportError(f"two of the bundles are named {bundle.name}: give one of them at a time")
        seen.add(bundle.name)
    return bundles


def _bundle(
    bundle: Bundle,
    pictures: Sequence[Labelled],
    source: TrainingSet,
    references: dict[str, Classifier],
) -> BundleReport:
    classifier = Classifier(bundle)
    with stage(f"{bundle.name}: test pictures") as progress:
        test = evaluate(classifier, _counted(pictures, progress)).document()
    quality: QualityReport | None = None
    problem: str | None = None
    try:
        records = lossless_held_out(bundle, source)
    except HeldOutUnknownError as error:
        problem = str(error)
    else:
        with stage(f"{bundle.name}: JPEG qualities") as progress:
            quality = sweep({bundle.name: classifier} | references, records, bundle.name, progress)
    return BundleReport(
        name=bundle.name,
        version=bundle.version,
        sha256=bundle.sha256,
        description=bundle.description,
        training=bundle.training,
        test=test,
        trainings=_trainings(bundle.name),
        parity=tuple(bundle.measured.get("parity", ())),
        quality=quality,
        quality_problem=problem,
    )


def _trainings(name: str) -> tuple[str, ...]:
    try:
        return lineage(name)
    except SettingsError:
        return ()


def _counted(pictures: Sequence[Labelled], progress: Callable[[float], None]) -> Iterator[Labelled]:
    for number, picture in enumerate(pictures):
        if number % PICTURES_PER_STEP == 0:
            progress(number / len(pictures))
        yield picture


def _bench_arguments(request: Request) -> list[str]:
    bundles = [word for name in request.bundles for word in ("--bundle", name)]
    references = [word for file in request.references for word in ("--reference", str(file))]
    return [*bundles, *references, "--data", str(request.data), "--seconds", str(request.seconds)]


def _asked(script: str, arguments: Sequence[str]) -> tuple[dict[str, Any] | None, str | None]:
    try:
        return json_of(script, arguments), None
    except OtherCommandError as error:
        return None, str(error)
