"""A user's own Keras model as a bundle: quantized to int8, compared with its float form, measured, proven.

usage: scripts/train --from-keras MODEL --labels FILE --representative DIR|FILE.bin [--normalisation RANGE]
                     [--folder DIR | --records FILE.bin] [--out DIR | --bundle NAME]

`training/README.md` walks through it.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from image_classifier.bundle import MAX_LABEL_CHARACTERS, SHIPPED, Bundle
from image_classifier.errors import ImageClassifierError
from image_classifier.labelled import read_folder, read_records
from image_classifier.model_file import read_model_file
from image_classifier.operators import ALLOWED_OPERATORS
from image_classifier.option_types import bundle_name, count, margin, new_bundle_folder, version
from image_classifier.preprocess import Preprocessor
from training.agreement import FloatComparison
from training.bundling import Identity, Measurement, commit, write_bundle
from training.dataset import CLASSES, DatasetError
from training.keras_file import KerasFile, KerasModelError, inspect_model
from training.loading import encoded_images, load_training
from training.machine import machine
from training.normalisation import NORMALISATIONS, Normalisation, NormalisationError, parse_normalisation
from training.pictures import labelled_files
from training.representative import (
    ADVISED,
    MOST,
    Representative,
    float_preprocessor,
    ranges,
    read_representative,
)

if TYPE_CHECKING:
    from training.keras_model import FloatModel


NEAR_CHANCE = 1.5
"""Times the accuracy of guessing, below which something before or behind the model is wrong."""


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    try:
        bundle = _run(options)
    except (KerasModelError, NormalisationError, DatasetError, ImageClassifierError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for row in bundle.measured["accuracy"]:
        if row["top1"] < NEAR_CHANCE / len(bundle.labels):
            problem = "check --normalisation, --colour-order and the labels' order"
            print(f"warning: on {row['data']} hardly better than guessing: {problem}", file=sys.stderr)
    print(f"{bundle.folder}: {len(bundle.model_bytes)} bytes, sha256 {bundle.sha256}")
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/train --from-keras", description=str(__doc__).partition("\n")[0]
    )
    add = parser.add_argument
    add("--from-keras", type=Path, required=True, metavar="MODEL", help=".keras, .h5 or a SavedModel folder")
    add(
        "--labels",
        type=Path,
        required=True,
        metavar="FILE",
        help="one label a line, in the order of the outputs",
    )
    add(
        "--representative", type=Path, metavar="DIR|FILE.bin",
        help=f"pictures as the model will see them, {ADVISED} to {MOST} of them: they set the ranges of the int8 "
        "activations (left out: the training images of --data, for CIFAR-10's ten labels)",
    )  # fmt: skip
    add("--normalisation", metavar="RANGE", help=f"how pixels become the model's input: {NORMALISATIONS}")
    add("--activation", choices=("softmax", "logits"), help="how the model ends (default: read from it)")
    add("--colour-order", choices=("RGB", "BGR"), default="RGB", help="order of its channels (default RGB)")
    add("--resize", choices=("squash", "crop", "pad"), default="squash", help="how pictures come to its size")
    tests = parser.add_mutually_exclusive_group()
    tests.add_argument(
        "--folder", type=Path, metavar="DIR", help="test pictures in folders named like labels"
    )
    tests.add_argument("--records", type=Path, metavar="FILE.bin", help="test pictures as CIFAR-10 records")
    add(
        "--data", type=Path, default=os.environ.get("CIFAR10_DIR"), metavar="DIR",
        help="CIFAR-10, for a model of its ten labels (default: CIFAR10_DIR)",
    )  # fmt: skip
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--out",
        type=new_bundle_folder,
        metavar="DIR",
        help="the bundle's folder (default: MODEL without its suffix)",
    )
    place.add_argument(
        "--bundle",
        type=bundle_name,
        metavar="NAME",
        help="put it among the bundles that ship with the project",
    )
    add("--description", metavar="TEXT", help="what the model is, for its document")
    add("--licence", default="not stated", metavar="TEXT")
    add("--bundle-version", type=version, default="1.0.0", metavar="X.Y.Z")
    add("--margin", type=margin, default=0.1, help="abstain when the best two are closer (default 0.1)")
    add(
        "--pictures", type=count, default=MOST, metavar="N", help=f"most representative ones (default {MOST})"
    )
    add("--seed", type=int, default=1, help="draws the representative pictures (default 1)")
    return parser.parse_args(_joined(arguments))


def _joined(arguments: list[str]) -> list[str]:
    """`--normalisation -1..1` as one word, which argparse would take for two options."""
    out: list[str] = []
    for word in arguments:
        if out and out[-1] == "--normalisation":
            out[-1] += f"={word}"
        else:
            out.append(word)
    return out


def _run(options: argparse.Namespace) -> Bundle:
    file = inspect_model(options.from_keras)
    labels = _read_labels(options.labels)
    normalisation = _normalisation(options.normalisation, file)
    out = SHIPPED / options.bundle if options.bundle else options.out or _default_folder(file)
    for measurement in _measurements(options, labels):
        next(iter(measurement.pictures), None)  # what cannot be read is told before the conversion
    # TensorFlow takes seconds to import and is only in .venv-train: after the options proved good
    from training.keras_model import load_float_model  # noqa: PLC0415
    from training.quantization import ConversionError, function_to_int8  # noqa: PLC0415

    model = load_float_model(file, options.activation)
    if len(labels) != model.outputs:
        raise KerasModelError(
            options.labels, f"{len(labels)} labels, but {file.path} has {model.outputs} outputs"
        )
    preprocessor = float_preprocessor(
        (model.height, model.width),
        normalisation.mean,
        normalisation.deviation,
        options.colour_order,
        options.resize,
    )
    found = _representative(options, labels, preprocessor)
    print(f"{model.width}x{model.height}, {model.outputs} labels, ends in {model.activation}; "
          f"{len(found.pixels)} representative pictures of {found.origin}", flush=True)  # fmt: skip
    if len(found.pixels) < ADVISED:
        print(f"warning: fewer than {ADVISED} representative pictures: ranges may be wrong", file=sys.stderr)
    _refuse_what_is_not_finite(file.path, model, ranges(found, preprocessor))
    try:
        content = function_to_int8(model.function, model.root, list(ranges(found, preprocessor)))
    except ConversionError as error:
        raise KerasModelError(file.path, str(error)) from error
    _refuse_operators(file.path, content)
    comparison = FloatComparison(model, preprocessor, found)
    return write_bundle(
        out,
        identity=_identity(options, labels, normalisation),
        model=content,
        training=_card(options, file, model, found),
        measurements=_measurements(options, labels),
        further=comparison.measured,
    )


def _refuse_what_is_not_finite(
    path: Path, model: FloatModel, batches: Iterable[npt.NDArray[np.float32]]
) -> None:
    if not all(np.isfinite(np.asarray(model.function(batch))).all() for batch in batches):
        raise KerasModelError(
            path,
            "answers representative pictures with values that are infinite or no number; look for weights that are, "
            "for a scale that is far too large, and at --normalisation",
        )


def _refuse_operators(path: Path, content: bytes) -> None:
    """Refuse early, and by the user's file, what `check_bundle` would refuse in the finished bundle."""
    unknown = {
        f"{name} (version {version})"
        for name, version in read_model_file(content, path).declared
        if version > ALLOWED_OPERATORS.get(name, 0)
    }
    if unknown:
        raise KerasModelError(
            path, f"becomes operators that a bundle may not use: {', '.join(sorted(unknown))}"
        )


def _default_folder(file: KerasFile) -> Path:
    """Beside the model; its name, which is the bundle's, in the characters that a bundle's name may have."""
    path = file.path.resolve()
    name = f"{path.name}-int8" if file.kind == "saved_model" else path.stem
    place = path.with_name(re.sub(r"[^a-z0-9_.-]", "-", name.lower()).lstrip("_.-")[:64] or "model")
    try:
        return new_bundle_folder(str(place))
    except argparse.ArgumentTypeError as error:
        raise KerasModelError(path, f"no place beside it: {error} with --out") from None


def _read_labels(path: Path) -> tuple[str, ...]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise KerasModelError(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KerasModelError(path, "not UTF-8 text: one label a line is expected") from None
    while lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if not 1 <= len(line) <= MAX_LABEL_CHARACTERS:
            problem = f"a label has 1 to {MAX_LABEL_CHARACTERS} characters, found {len(line)}"
            raise KerasModelError(path, f"line {number}: {problem}")
        if line in lines[: number - 1]:
            raise KerasModelError(path, f"line {number}: {line!r} is there twice")
    return tuple(lines)


def _normalisation(given: str | None, file: KerasFile) -> Normalisation:
    scaling = ", ".join(file.scaling)
    if given is None and not scaling:
        raise NormalisationError(
            f"{file.path}: nothing in it scales its input: say what it was trained with, "
            f"--normalisation {NORMALISATIONS}"
        )
    if given is None:
        print(f"{file.path}: scales its input itself ({scaling}): it gets pixels 0..255")
    elif scaling and given != "0..255":
        print(f"warning: {file.path} scales its input itself ({scaling}), and gets {given}", file=sys.stderr)
    return parse_normalisation(given or "0..255")


def _representative(
    options: argparse.Namespace, labels: tuple[str, ...], preprocessor: Preprocessor
) -> Representative:
    if options.representative:
        return read_representative(options.representative, preprocessor, options.pictures, options.seed)
    if labels != CLASSES or options.data is None:
        raise DatasetError(
            options.from_keras,
            f"give --representative DIR with {ADVISED} to {MOST} pictures as the model will see them (no labels "
            "needed): they set the ranges of the int8 activations",
        )
    source = load_training(options.data)
    chosen = np.random.default_rng(options.seed).permutation(len(source.data))[: options.pictures]
    pixels = [preprocessor.pixels(image) for image in source.data.images[chosen]]
    return Representative(source.description, pixels, 0)


def _measurements(options: argparse.Namespace, labels: tuple[str, ...]) -> Iterator[Measurement]:
    if options.folder:
        yield Measurement(str(options.folder), read_folder(options.folder, labels))
    elif options.records:
        yield Measurement(str(options.records), read_records(options.records, labels))
    elif labels == CLASSES and options.data:
        files = list(encoded_images(options.data, "test"))
        if files:
            yield Measurement("CIFAR-10 test, JPEG files", labelled_files(files, "test"))


def _identity(options: argparse.Namespace, labels: tuple[str, ...], normalisation: Normalisation) -> Identity:
    preprocessing = {
        "colourOrder": options.colour_order,
        "resize": {"rule": options.resize, "interpolation": "bilinear"},
        "normalisation": normalisation.document(),
    }
    description = options.description or f"{options.from_keras.name}, quantized to int8"
    return Identity(
        options.bundle_version, description, options.licence, labels, preprocessing, options.margin
    )


def _card(
    options: argparse.Namespace, file: KerasFile, model: FloatModel, found: Representative
) -> dict[str, Any]:
    return {
        "data": "the user's own (the model was trained elsewhere)",
        "commit": commit(),
        "seed": options.seed,
        "command": "scripts/train --from-keras",
        "machine": machine(),
        "source": {
            "file": file.path.name,
            "kind": file.kind,
            "keras": file.keras or None,
            "sha256": file.sha256,
            "endsIn": model.activation,
            "normalisation": options.normalisation or "0..255, scaled in the model",
        },
        "representative": {"origin": found.origin, "pictures": len(found.pixels), "undecodable": found.bad},
        "card": {
            "use": f"{model.width}x{model.height} views of one object of the labels; larger pictures: {options.resize}",
            "limits": "anything that is none of the labels gets one of them, often with a low margin",
            "quantization": "post-training, int8 weights, activations, input and output",
        },
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
