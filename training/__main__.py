"""Train a model, quantize it to int8, measure it, and write its bundle.

bundle    hardware                                       training                int8 top-1, 10,000 JPEG test images
fast      2 shared cores of an Intel Xeon (AMX), no GPU  100 epochs, 136 minutes 0.898 (one run, after tutor)
accurate  the same                                       32 epochs, 58 minutes   0.911 (one run, after fast and teacher)
tutor     the same, other work beside it                 60 epochs, 108 minutes  0.902 (one run; teaches fast)
teacher   the same                                       120 epochs, 317 minutes 0.910 (one run; teaches accurate)
seed      the same                                       20 epochs, 20 minutes   0.817 (one run; kept to compare with)

usage: scripts/train --bundle NAME [--data DIR] [--config FILE.toml] [--state DIR] [--restart] [--out DIR]
       scripts/train --from-keras MODEL --labels FILE ... (your own model: see from_keras.py)

A run that was stopped goes on after its last whole epoch. The epoch is chosen on images held out of the
training split; the test split is only measured, once, at the end.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from image_classifier.bundle import SHIPPED, Bundle
from image_classifier.errors import ImageClassifierError
from image_classifier.option_types import bundle_name, new_bundle_folder
from training import conversion_process
from training.bundling import Identity, Measurement, cifar10_test_split, commit, write_bundle
from training.checkpoint import CheckpointError, CheckpointFolder, Progress, default_folder
from training.dataset import DatasetError
from training.loading import load_training
from training.machine import machine
from training.pictures import labelled
from training.settings import Settings, SettingsError, load_settings
from training.split import Split


def main(arguments: list[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if any(word.partition("=")[0] == "--from-keras" for word in words):
        return conversion_process.main(words)
    options = _options(words)
    try:
        _run(options)
    except (SettingsError, DatasetError, CheckpointError, ImageClassifierError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on after the last whole epoch", file=sys.stderr)
        return 130
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/train",
        description=str(__doc__).partition("\n")[0],
        epilog="Your own Keras model instead: scripts/train --from-keras MODEL --help",
    )
    parser.add_argument(
        "--bundle", type=bundle_name, required=True, metavar="NAME", help="the bundle's name, such as seed"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("CIFAR10_DIR"),
        metavar="DIR",
        help="CIFAR-10 in any layout, or a folder that holds it (default: CIFAR10_DIR)",
    )
    parser.add_argument("--config", metavar="FILE.toml", help="default: training/configs/NAME.toml")
    parser.add_argument("--state", type=Path, metavar="DIR", help="checkpoints; default below XDG_STATE_HOME")
    parser.add_argument("--restart", action="store_true", help="forget the checkpoints and begin anew")
    parser.add_argument(
        "--out", type=new_bundle_folder, metavar="DIR", help="the bundle's folder; default: where it ships"
    )
    options = parser.parse_args(arguments)
    if options.data is None:
        parser.error("no data: give --data DIR or set CIFAR10_DIR")
    return options


def _run(options: argparse.Namespace) -> None:
    settings = load_settings(options.config or options.bundle)
    checkpoints = CheckpointFolder(options.state) if options.state else default_folder(options.bundle)
    if options.restart:
        checkpoints.discard()
    source = load_training(options.data)
    split = Split.of(source, settings)
    print(f"{source.description}; {len(split.held_out)} of them held out")
    model, progress = _trained(settings, split, checkpoints)
    bundle = write_bundle(
        options.out or SHIPPED / options.bundle,
        identity=Identity.of(settings),
        model=model,
        training=_card(settings, split, progress),
        measurements=_measurements(options.data, split),
        further=lambda classifier: _parity(classifier.bundle, checkpoints, options.data),
    )
    print(f"{bundle.folder}: {len(bundle.model_bytes)} bytes, sha256 {bundle.sha256}")


def _trained(settings: Settings, split: Split, checkpoints: CheckpointFolder) -> tuple[bytes, Progress]:
    """The int8 model and the history of its training."""
    # TensorFlow takes seconds to import and is only in .venv-train: after the options and data proved good
    from training.fit import fit, prepare  # noqa: PLC0415
    from training.quantization import to_int8  # noqa: PLC0415

    prepare(settings)
    model, progress = fit(settings, split.training, split.validation, checkpoints)
    draw = np.random.default_rng([settings.seed, 0])
    chosen = draw.choice(split.kept, settings.quantization.representative_images, replace=False)
    print(f"epoch {progress.best.number}: float, held-out images: {progress.best.validation_accuracy:.4f}")
    return to_int8(model, split.source.data.images[chosen]), progress


def _card(settings: Settings, split: Split, progress: Progress) -> dict[str, Any]:
    best = progress.best
    return {
        "data": split.source.description,
        "commit": commit(),
        "seed": settings.seed,
        "command": "scripts/train",
        "machine": machine(),
        **_accelerator(),
        "minutes": round(sum(epoch.seconds for epoch in progress.epochs) / 60, 1),
        "epochs": len(progress.epochs),
        "epochChosen": best.number,
        "heldOut": len(split.held_out),
        "floatAccuracyHeldOut": round(best.validation_accuracy, 4),
        "settings": settings.model_dump(mode="json", exclude={"version", "description", "seed", "margin"}),
        "card": {
            "use": "32x32 views of one object of the ten classes; larger pictures are squashed to that size",
            "limits": "knows no eleventh class: anything else gets one of the ten, often with a low margin",
            "quantization": "post-training, int8 weights, activations, input and output",
        },
    }


def _parity(bundle: Bundle, checkpoints: CheckpointFolder, data: Path) -> dict[str, Any]:
    from training.parity.float_model import measure  # noqa: PLC0415 - as in _trained

    return measure(bundle, checkpoints, data)


def _accelerator() -> dict[str, str]:
    from training.accelerator import find_gpu  # noqa: PLC0415 - as in _trained

    gpu = find_gpu()
    return {"accelerator": gpu.name} if gpu else {}


def _measurements(data: Path, split: Split) -> Iterator[Measurement]:
    """The test split as its files lie there, then the held-out training images, apart if some are lossless."""
    yield cifar10_test_split(data)
    lossless = split.source.lossless[split.held_out]
    for name, chosen in (("lossless", lossless), ("as delivered", ~lossless)):
        if chosen.any():
            images = split.source.data.take(split.held_out[chosen])
            yield Measurement(f"CIFAR-10 train, held out, {name}", labelled(images, "held out"))


if __name__ == "__main__":
    # a service manager's or a shell's kill ends a run as Ctrl-C does: with the word that it can be taken up again
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
