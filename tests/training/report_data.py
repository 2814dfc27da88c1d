"""A tiny CIFAR-10 and a bundle that says it was trained on it, for the report's tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from image_classifier.bundle import DOCUMENT, Bundle, find_bundle, load_bundle
from tests.training.tiny_images import smooth_images
from training.dataset import LabelledImages
from training.loading import load_training
from training.split import Split

SEED, FRACTION, LOSSLESS_FRACTION = 7, 0.1, 0.5


def records(data: LabelledImages) -> bytes:
    """The official binary layout."""
    pairs = zip(data.images, data.labels, strict=True)
    return b"".join(bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in pairs)


def write_data(folder: Path, per_batch: int = 16) -> Path:
    """Five batches to train on, one to test, and half of the images to train on with their original pixels."""
    batches, lossless = folder / "cifar-10-batches-bin", folder / "lossless"
    batches.mkdir(parents=True)
    lossless.mkdir()
    for number in range(1, 6):
        (batches / f"data_batch_{number}.bin").write_bytes(records(smooth_images(per_batch, number)))
    (batches / "test_batch.bin").write_bytes(records(smooth_images(3 * per_batch, 6)))
    halves = [records(smooth_images(per_batch, number))[: 3073 * (per_batch // 2)] for number in range(1, 6)]
    (lossless / "train.bin").write_bytes(b"".join(halves))
    return folder


def write_bundle(
    folder: Path,
    data: Path,
    changes: dict[str, Any] | None = None,
    lossless_fraction: float = LOSSLESS_FRACTION,
) -> Bundle:
    """The model of `fast`, said to be called as its folder and trained on `data`.

    `changes` replace fields of `training`.
    """
    shutil.copytree(find_bundle("fast"), folder)
    document = json.loads((folder / DOCUMENT).read_text())
    document["name"] = folder.name
    source = load_training(data)
    split = Split.drawn(source, seed=SEED, fraction=FRACTION, lossless_fraction=lossless_fraction)
    document["training"] |= {
        "data": source.description,
        "seed": SEED,
        "heldOut": len(split.held_out),
        "settings": {"validation_fraction": FRACTION, "lossless_validation_fraction": lossless_fraction},
    } | (changes or {})
    (folder / DOCUMENT).write_text(json.dumps(document))
    return load_bundle(folder)
