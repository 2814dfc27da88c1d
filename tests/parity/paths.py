"""The three ways from pictures to the model's input, each as its users go: all give the tensors' bytes.

Every way starts from the same folder, `SPLIT/CLASS/FILE` with encoded pictures, or the official binary layout. What the
model is given is read where it is given, at `Model.run`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from camera.encoding import Wish, encode
from camera.picture import Picture
from camera.sources.cifar10 import Cifar10Source
from camera.sources.folder import FolderSource
from classifier.answer import Answer
from classifier.engine import Engine
from classifier.settings import ClassifierSettings
from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.evaluate import evaluate
from image_classifier.labelled import read_folder, read_records
from image_classifier.model import Model, Probabilities
from image_classifier.preprocess import Tensor
from module_kit.message import Outgoing
from tests.camera.fakes import Events, take
from tests.classifier.arriving import arriving, frame
from tests.training.tiny_images import smooth_images
from training import dataset
from training.dataset import CLASSES, LabelledImages
from training.loading import load_split
from training.parity.training_path import to_tensor
from training.records import format_records

BUNDLE = "fast"
KINDS: dict[str, dict[str, Any]] = {
    "4:2:0.jpg": {"format": "JPEG", "quality": 75, "subsampling": "4:2:0"},
    "4:4:4.jpg": {"format": "JPEG", "quality": 92, "subsampling": "4:4:4"},
    "grey.jpg": {"format": "JPEG", "quality": 80},
    "true.png": {"format": "PNG"},
    "palette.png": {"format": "PNG"},
}
MODES = {"grey.jpg": "L", "palette.png": "P"}


def write_pictures(folder: Path) -> Path:
    """`folder/test/CLASS/*`: one picture of each kind in three classes, 32x32; returns `folder`."""
    images = iter(smooth_images(3 * len(KINDS), 7).images)
    for label in ("airplane", "cat", "truck"):
        place = folder / "test" / label
        place.mkdir(parents=True)
        for name, options in sorted(KINDS.items()):
            image = Image.fromarray(next(images)).convert(MODES.get(name, "RGB"))
            image.save(place / name.replace(":", ""), **options)
    return folder


def write_records(folder: Path) -> Path:
    """`folder/test_batch.bin` with 12 records; returns `folder`."""
    folder.mkdir(parents=True)
    (folder / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n")
    for name in ("test_batch", *(f"data_batch_{number}" for number in range(1, 6))):
        (folder / f"{name}.bin").write_bytes(format_records(_colourful()))
    return folder


def _colourful() -> LabelledImages:
    return smooth_images(12, 8)


def by_training(folder: Path) -> list[bytes]:
    """The training's loader, its scaling to real numbers, and then the int8 model's own input scale."""
    data, _ = load_split(folder, "test")
    # looked up here, so that a test can put a mistake in its place
    reals = dataset.unit_range(data.images.astype(np.float32))
    spec = load_bundle(BUNDLE).input
    return [to_tensor(real, spec).tobytes() for real in reals]


async def by_edge(folder: Path) -> list[bytes]:
    """The camera's source and encoder, a `frame/1` message as it comes out of the SDK, the classifier's engine."""
    engine = Engine(ClassifierSettings(model=BUNDLE))
    records = (folder / "test_batch.bin").exists()
    source = Cifar10Source(folder, "test", Events()) if records else FolderSource(folder, Events())
    messages = [arriving(_message(picture, number)) for number, picture in enumerate(await take(source))]
    with _given_to_the_model() as tensors:
        for answer in engine.answer_all(messages):
            assert isinstance(answer, Answer)
            assert answer.prediction.error is None
    return tensors


def by_batch(folder: Path) -> list[bytes]:
    """`python -m image_classifier evaluate`: its readers and its loop."""
    bundle = load_bundle(BUNDLE)
    file = folder / "test_batch.bin"
    pictures = (
        read_records(file, bundle.labels) if file.exists() else read_folder(folder / "test", bundle.labels)
    )
    classifier = Classifier(bundle)
    with _given_to_the_model() as tensors:
        evaluate(classifier, pictures)
    return tensors


def _message(picture: Picture, number: int) -> Outgoing:
    body = encode(picture, Wish())
    return frame(
        body.image,
        number,
        content_type=body.format.content_type,
        width=body.width,
        height=body.height,
        label=picture.label,
    ).encode()


@contextmanager
def _given_to_the_model() -> Iterator[list[bytes]]:
    """The bytes of every tensor that a model is run on meanwhile."""
    tensors: list[bytes] = []
    run = Model.run

    def remember(self: Model, tensor: Tensor) -> Probabilities:
        tensors.append(tensor.tobytes())
        return run(self, tensor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "run", remember)
        yield tensors
