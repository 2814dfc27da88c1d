"""The scoring script of an Azure ML batch deployment: files in, one JSON line each out.

Azure ML hands each worker process a mini-batch of paths and appends what `run` returns to the output file; a picture
that has no scores is a line with `error`, so that every file of the input has its line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# Azure ML puts its own root on the path, which need not be the folder that was uploaded.
sys.path.insert(0, str(Path(__file__).parent))

from image_classifier.batch.entries import Entry, Kind
from image_classifier.batch.reading import PictureReader
from image_classifier.batch.scoring import score
from image_classifier.batch.table import columns
from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier

_classifier: Classifier | None = None


def init() -> None:
    """Load the model. Raises ImageClassifierError."""
    global _classifier  # noqa: PLW0603 - the contract has no other place for state
    _classifier = Classifier(load_bundle(os.environ.get("BUNDLE", "fast")))


def run(mini_batch: Sequence[str]) -> list[str]:
    """One JSON object a path, in their order: the columns of `scores/1`.

    `picture` is the path as Azure ML gave it. Where the input's folder is mounted is told nowhere, so what is above it
    is not cut off; a file's name alone would not tell `a/1.jpg` from `b/1.jpg`.
    """
    if _classifier is None:
        raise RuntimeError("run was called before init")
    entries = [Entry(Kind.FILE, path, path) for path in mini_batch]
    with PictureReader() as reader:
        scores = score(_classifier, reader, entries)
    table = columns(_classifier.bundle, entries, scores)
    table["probabilities"] = [
        None if row is None else [float(value) for value in row] for row in table["probabilities"]
    ]
    return [json.dumps(dict(zip(table, row, strict=True))) for row in zip(*table.values(), strict=True)]
