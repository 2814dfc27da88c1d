"""The child's side: ask the TFLite runtime of this interpreter, and leave the answers in a file.

usage: python -m training.parity.ask BUNDLE --out FILE.npz [--data DIR] [--limit N] [--kernels KIND]

Runs in any environment that has a TFLite runtime, NumPy and Pillow, 32-bit Arm's among them: it may import nothing
else.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.errors import ImageClassifierError
from image_classifier.golden import tensor_sha256
from image_classifier.labelled import Labelled
from image_classifier.model import Model
from image_classifier.preprocess import Preprocessor, Tensor
from image_classifier.runtime import Kernels, load_runtime
from training.dataset import DatasetError
from training.parity.answers import Answers
from training.parity.pictures import read_pictures

STEP = 1000
"""Pictures between two words on standard error."""


def answers(bundle: Bundle, pictures: list[Labelled], kernels: Kernels) -> Answers:
    """What this runtime says of `pictures`, decoded and scaled as every user of the bundle does it."""
    preprocessor, model, runtime = Preprocessor(bundle.input), Model(bundle, kernels=kernels), load_runtime()
    kind = "" if kernels is Kernels.FASTEST else f", {kernels.name.lower().replace('_', '-')} kernels"
    name = f"{runtime.distribution} {runtime.version}, {platform.machine()}{kind}"
    hashes, rows = [], []
    tensors = (preprocessor.tensor(one.picture) for one in pictures)
    for tensor in _shown(tensors, len(pictures), name):
        hashes.append(tensor_sha256(tensor))
        rows.append(model.run(tensor))
    return Answers(
        name,
        np.array([picture.label for picture in pictures], np.int64),
        np.array(rows, np.float32).reshape(-1, len(bundle.labels)),
        np.array(hashes, np.str_),
        np.stack([model.run(preprocessor.tensor(vector.image)) for vector in bundle.golden_vectors]),
    )


def _shown(items: Iterable[Tensor], total: int, name: str) -> Iterator[Tensor]:
    for number, item in enumerate(items, 1):
        yield item
        if number % STEP == 0 or number == total:
            print(f"{name}: {number} of {total} pictures", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.parity.ask")
    parser.add_argument("bundle")
    parser.add_argument("--data", type=Path, help="without it: the golden vectors alone")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--kernels", choices=[kind.name for kind in Kernels], default=Kernels.FASTEST.name)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        pictures = read_pictures(options.data, options.limit) if options.data else []
        answers(load_bundle(options.bundle), pictures, Kernels[options.kernels]).save(options.out)
    except (DatasetError, ImageClassifierError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
