"""The child's side in `.venv-train`: ask the float model that a bundle was quantized from.

usage: python -m training.parity.float_model BUNDLE --data DIR --out FILE.npz [--limit N] [--state DIR]

The float model is the training's best checkpoint. Pictures come by the training's own path: its loader, then
pixel / 255; their tensors are those reals in the int8 model's input scale, so that comparing them with the edge's
proves the two paths alike.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from pydantic import ValidationError
from tensorflow import keras

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.errors import ImageClassifierError
from image_classifier.golden import tensor_sha256
from image_classifier.labelled import Labelled
from image_classifier.runtime import Kernels
from training.checkpoint import CheckpointError, CheckpointFolder, default_folder
from training.dataset import DatasetError
from training.fit import batches
from training.network import build_network
from training.parity import ask
from training.parity.agreement import QUANTIZATION, Agreement
from training.parity.answers import Answers
from training.parity.pictures import read_pictures
from training.parity.training_path import to_tensor, training_pixels
from training.settings import Network

BATCH = 500
NOT_COMPARABLE = 3
"""Exit code: there is no float model of this bundle here."""


def float_model(bundle: Bundle, checkpoints: CheckpointFolder) -> keras.Model:
    """The network with the weights of its best epoch: RGB in 0..1 to logits.

    Raises:
        CheckpointError: there is no checkpoint, or it is not the one that the bundle was made from.
    """
    try:
        network = Network.model_validate(bundle.training["settings"]["network"])
    except (KeyError, TypeError, ValidationError):
        raise CheckpointError(
            f"{bundle.document_path}: training.settings.network: not a network of scripts/train"
        ) from None
    progress = checkpoints.saved()
    if progress is None or not progress.epochs:
        raise CheckpointError(f"{checkpoints.path}: no checkpoint; {bundle.name} was not trained here")
    best = (progress.best.number, round(progress.best.validation_accuracy, 4))
    stated = (bundle.training.get("epochChosen"), bundle.training.get("floatAccuracyHeldOut"))
    if stated != best:
        raise CheckpointError(
            f"{checkpoints.path}: the best epoch there is {best[0]} with {best[1]} on held-out images: not the run "
            f"that {bundle.name} was made from (epoch {stated[0]} with {stated[1]})"
        )
    model = build_network(network)
    try:
        model.load_weights(checkpoints.best_weights)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{checkpoints.best_weights}: not this network's weights ({error})") from None
    return model


def answers(bundle: Bundle, model: keras.Model, pictures: list[Labelled]) -> Answers:
    """What the float model says of `pictures`; nothing of golden vectors, which have other sizes."""
    pixels = training_pixels(pictures)
    truths = np.array([picture.label for picture in pictures], np.int64)
    rows, hashes = [], []
    for reals, _ in batches(pixels, np.zeros((len(pixels), 1), np.float32), BATCH):
        rows.append(tf.nn.softmax(model(reals, training=False)).numpy())
        hashes += [tensor_sha256(to_tensor(real, bundle.input)) for real in reals.numpy()]
        print(f"float model: {len(hashes)} of {len(pixels)} pictures", file=sys.stderr, flush=True)
    return Answers(
        f"float32, TensorFlow {tf.__version__}",
        truths,
        np.concatenate(rows).astype(np.float32),
        np.array(hashes),
        np.zeros((0, len(bundle.labels)), np.float32),
    )


def measure(bundle: Bundle, checkpoints: CheckpointFolder, data: Path) -> dict[str, Any]:
    """What a training adds to its bundle's `measured`: the int8 model beside the float one, on the test split.

    Raises:
        CheckpointError, DatasetError: as `float_model` and `read_pictures`.
    """
    pictures = read_pictures(data)
    floats = answers(bundle, float_model(bundle, checkpoints), pictures)
    quantized = ask.answers(bundle, pictures, Kernels.FASTEST)
    return {"parity": [Agreement.of(quantized, floats, QUANTIZATION).document()]}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.parity.float_model")
    parser.add_argument("bundle")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--state", type=Path, help="the training's checkpoints; default below XDG_STATE_HOME")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        bundle = load_bundle(options.bundle)
        checkpoints = CheckpointFolder(options.state) if options.state else default_folder(bundle.name)
        model = float_model(bundle, checkpoints)
        answers(bundle, model, read_pictures(options.data, options.limit)).save(options.out)
    except CheckpointError as error:
        print(error, file=sys.stderr)
        return NOT_COMPARABLE
    except (DatasetError, ImageClassifierError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
