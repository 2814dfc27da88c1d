"""The bundle of a trained model: sealed, measured as every user will run it, then put in its place."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_classifier.bundle import DOCUMENT, SCHEMA, Bundle, load_bundle
from image_classifier.classifier import Classifier
from image_classifier.evaluate import evaluate
from image_classifier.labelled import Labelled
from image_classifier.runtime import load_runtime
from image_classifier.seal import seal
from training.dataset import CLASSES, LabelledImages
from training.machine import machine
from training.samples import golden_pictures
from training.settings import Settings

GOLDEN_TOLERANCE = 0.1
"""Largest difference of a probability: on the 10,000 test images LiteRT 2.3 and tflite-runtime 2.14 differ by up
to 0.086 with the bundle `seed`. What is wrong before the model, the hash of the tensor tells."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Labelled pictures and what to call them in the document."""

    data: str
    pictures: Iterable[Labelled]


def write_bundle(
    out: Path,
    *,
    settings: Settings,
    model: bytes,
    training: dict[str, Any],
    measurements: Iterable[Measurement],
) -> Bundle:
    """Write `out/NAME.tflite` and `out/bundle.json`, NAME being the folder's name.

    Both appear only after the sealed bundle has been measured: whatever fails before leaves `out` as it was.

    Args:
        out: the bundle's folder.
        settings: version, description and margin are taken from it.
        model: the `.tflite` file.
        training: the document's `training` object: `data`, `commit`, `seed` and what else is known.
        measurements: top-1 is measured on each; latency on the first.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        work = Path(folder)
        draft = _draft(out.name, settings, training)
        (work / draft["file"]).write_bytes(model)
        golden = dict(golden_pictures())
        unmeasured = seal(work, draft, golden)
        draft["measured"] = _measure(Classifier(unmeasured), measurements)
        seal(work, draft, golden)
        out.mkdir(exist_ok=True)
        # the document last: it names the hash of the model
        for file in (draft["file"], DOCUMENT):
            (work / file).replace(out / file)
    return load_bundle(out)


def labelled(data: LabelledImages, origin: str) -> Iterator[Labelled]:
    """Images in memory as the evaluation wants them."""
    for number, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
        yield Labelled(image, int(label), f"{origin}#{number}")


def labelled_files(files: Iterable[tuple[bytes, str]], origin: str) -> Iterator[Labelled]:
    """Encoded pictures with the names of their classes, decoded as the edge decodes them."""
    for number, (raw, name) in enumerate(files):
        yield Labelled(raw, CLASSES.index(name), f"{origin}#{number}")


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


def _draft(name: str, settings: Settings, training: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": name,
        "version": settings.version,
        "description": settings.description,
        "licence": "MIT",
        "file": f"{name}.tflite",
        "labels": list(CLASSES),
        "input": {
            "colourOrder": "RGB",
            "resize": {"rule": "squash", "interpolation": "bilinear"},
            "normalisation": {"mean": [0, 0, 0], "standardDeviation": [255, 255, 255]},
        },
        "output": {"activation": "softmax"},
        "abstention": {"margin": settings.margin},
        "measured": {},
        "training": training,
        "goldenVectors": {"tolerance": GOLDEN_TOLERANCE},
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
