"""The bundle of a trained model: sealed, measured as every user will run it, then put in its place."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from image_classifier.bundle import DOCUMENT, SCHEMA, Bundle, load_bundle
from image_classifier.classifier import Classifier
from image_classifier.evaluate import evaluate
from image_classifier.labelled import Labelled
from image_classifier.runtime import load_runtime
from image_classifier.sandbox import check_bundle
from image_classifier.seal import seal
from training.dataset import CLASSES
from training.machine import machine
from training.pictures import read_test_split
from training.samples import golden_pictures
from training.settings import Settings


@dataclass(frozen=True, slots=True)
class Identity:
    """What a bundle's document says apart from what is read from the model or measured.

    preprocessing: the document's `input` without what the model itself states.
    """

    version: str
    description: str
    licence: str
    labels: tuple[str, ...]
    preprocessing: dict[str, Any]
    margin: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Of a bundle that is trained here: CIFAR-10's classes, squashed pictures, RGB in 0..1."""
        unit = {"mean": [0, 0, 0], "standardDeviation": [255, 255, 255]}
        squash = {"rule": "squash", "interpolation": "bilinear"}
        preprocessing = {"colourOrder": "RGB", "resize": squash, "normalisation": unit}
        return cls(settings.version, settings.description, "MIT", CLASSES, preprocessing, settings.margin)


@dataclass(frozen=True, slots=True)
class Measurement:
    """Labelled pictures and what to call them in the document."""

    data: str
    pictures: Iterable[Labelled]


def write_bundle(
    out: Path,
    *,
    identity: Identity,
    model: bytes,
    training: dict[str, Any],
    measurements: Iterable[Measurement],
    further: Callable[[Classifier], dict[str, Any]] | None = None,
) -> Bundle:
    """Write `out/NAME.tflite` and `out/bundle.json`, NAME being the folder's name.

    Both appear only after the sealed bundle has been measured, and proven in a child process: whatever fails
    before leaves `out` as it was.

    Args:
        out: the bundle's folder.
        identity: what the document says apart from what is read from the model or measured.
        model: the `.tflite` file.
        training: the document's `training` object: `data`, `commit`, `seed` and what else is known.
        measurements: top-1 is measured on each; latency on the first.
        further: measures what else shall stand under `measured`.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        work = Path(folder)
        draft = _draft(out.name, identity, training)
        (work / draft["file"]).write_bytes(model)
        golden = dict(golden_pictures())
        unmeasured = seal(work, draft, golden)
        classifier = Classifier(unmeasured)
        draft["measured"] = _measure(classifier, measurements) | (further(classifier) if further else {})
        seal(work, draft, golden)
        check_bundle(work)
        out.mkdir(exist_ok=True)
        # the document last: it names the hash of the model
        for file in (draft["file"], DOCUMENT):
            (work / file).replace(out / file)
    return load_bundle(out)


def cifar10_test_split(data: Path) -> Measurement:
    """The test split as it lies there.

    Raises:
        DatasetError: there is no test split.
    """
    pictures, layout = read_test_split(data)
    return Measurement(f"CIFAR-10 test, {layout}", pictures)


def commit() -> str:
    """The commit of the training code; `-dirty` where that code has been changed since."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", "training", "libs/image_classifier/*.py")
    return (head or "unknown") + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    root = Path(__file__).parents[1]
    command = ["git", *words]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return found.stdout.strip()


def _draft(name: str, identity: Identity, training: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": name,
        "version": identity.version,
        "description": identity.description,
        "licence": identity.licence,
        "file": f"{name}.tflite",
        "labels": list(identity.labels),
        "input": identity.preprocessing,
        "output": {"activation": "softmax"},
        "abstention": {"margin": identity.margin},
        "measured": {},
        "training": training,
    }


def _measure(classifier: Classifier, measurements: Iterable[Measurement]) -> dict[str, Any]:
    runtime = load_runtime()
    accuracy: list[dict[str, Any]] = []
    latency: list[dict[str, Any]] = []
    for measurement in measurements:
        result = evaluate(classifier, measurement.pictures)
        document = result.document()
        recall = {label: row["recall"] for label, row in document["perClass"].items()}
        accuracy.append(
            {
                "data": measurement.data,
                "top1": round(result.top1, 4),
                "n": result.n,
                "abstained": result.abstained,
                "recall": recall,
            }
        )
        print(f"int8, {measurement.data}: top-1 {result.top1:.4f} of {result.n}", flush=True)
        if not latency:
            times = document["latencyMs"]["infer"]
            latency.append(
                {
                    "machine": f"{machine()}, 1 thread",
                    "runtime": f"{runtime.distribution} {runtime.version}",
                    "medianMs": times["median"],
                    "p95Ms": times["p95"],
                }
            )
    return {"accuracy": accuracy, "latency": latency}
