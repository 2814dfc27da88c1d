"""The frames of the camera's `sample:` source: drawn here, shipped as small PNG files with an index.

usage: python -m training.samples [--out DIR] | --evaluate BUNDLE [--json]

The seed of the shipped scenes and that of the evaluated ones were fixed before any model had seen either.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.errors import ImageClassifierError
from image_classifier.evaluate import Evaluation, evaluate
from image_classifier.labelled import Labelled
from training.dataset import CLASSES
from training.scenes.drawing import draw_scene

SHIPPED = Path(__file__).parents[1] / "modules" / "camera" / "camera" / "samples"
SEED = 2026
PER_CLASS = 4
EVALUATION_SEED = 2027
EVALUATION_PER_CLASS = 10
COLOURS = 80
"""Size of a scene's palette: a third of the bytes of full colour, at no difference that the eye sees."""

SMALL = 32
"""Side of the pictures that are not resampled: the model's input."""
ORIENTATION = 0x0112
TURNED_RIGHT = 6
"""EXIF: the camera was held on its side, and who shows the picture must turn it by 90 degrees clockwise."""


def encode(scene: Image.Image) -> bytes:
    """A PNG with a palette."""
    return _saved(scene.quantize(COLOURS, dither=Image.Dither.NONE), "PNG", optimize=True)


def scenes(seed: int, per_class: int) -> Iterator[tuple[str, str, bytes]]:
    """File name, label and PNG of each scene; the classes take turns, as they do before the camera."""
    for variant in range(per_class):
        for label in CLASSES:
            yield f"{label}-{variant}.png", label, encode(draw_scene(label, variant, seed))


def write_samples(out: Path, seed: int = SEED, per_class: int = PER_CLASS) -> int:
    """Draw the scenes into `out` with `index.json`, removing older ones; returns the bytes written."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.png"):
        old.unlink()
    index = []
    size = 0
    for file, label, png in scenes(seed, per_class):
        (out / file).write_bytes(png)
        index.append({"file": file, "label": label})
        size += len(png)
    text = json.dumps({"seed": seed, "scenes": index}, indent=1) + "\n"
    (out / "index.json").write_text(text, encoding="utf-8")
    return size + len(text)


def golden_pictures() -> Iterator[tuple[str, bytes]]:
    """Name and file of the pictures whose answers a bundle records: each way from a file to a tensor, once.

    PNG with a palette, larger than the model's input; PNG of its size; one with transparency; JPEG of its size with
    halved colour, as most cameras write it; a large one, which is shrunk while it is decoded, that lies on its side.
    """
    for label in ("airplane", "cat", "frog", "truck"):
        yield f"scene-{label}", encode(draw_scene(label, 0, SEED))
    for label in ("automobile", "horse"):
        yield f"small-{label}", _saved(_small(label), "PNG", optimize=True)
    yield "transparent-dog", _saved(_vignette(_small("dog")), "PNG", optimize=True)
    yield "jpeg-ship", _saved(_small("ship"), "JPEG", quality=75, subsampling="4:2:0")
    wide = draw_scene("deer", 0, SEED).resize((240, 160), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED_RIGHT
    yield "jpeg-turned-deer", _saved(wide, "JPEG", quality=75, subsampling="4:2:0", exif=exif)


def _small(label: str) -> Image.Image:
    return draw_scene(label, 0, SEED).resize((SMALL, SMALL), Image.Resampling.BOX)


def _vignette(image: Image.Image) -> Image.Image:
    """Ever more transparent from the left to the right."""
    opacity = Image.linear_gradient("L").resize(image.size).transpose(Image.Transpose.ROTATE_90)
    image.putalpha(opacity)
    return image


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def evaluate_scenes(bundle: str, seed: int, per_class: int) -> Evaluation:
    """What a bundle makes of drawn scenes.

    Raises:
        BundleError: no such bundle, or one that cannot be used.
    """
    classifier = Classifier(load_bundle(bundle))
    pictures = (Labelled(png, CLASSES.index(label), file) for file, label, png in scenes(seed, per_class))
    return evaluate(classifier, pictures)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/draw-samples", description="Draw the sample frames, or see what a model makes of them."
    )
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder (default: the camera's)")
    parser.add_argument("--evaluate", metavar="BUNDLE", help="draw 100 other scenes and classify them")
    parser.add_argument("--json", action="store_true", help="print the evaluation as one JSON document")
    options = parser.parse_args(arguments)
    if not options.evaluate:
        size = write_samples(options.out)
        print(f"{PER_CLASS * len(CLASSES)} scenes, {size} bytes, in {options.out}")
        return 0
    try:
        result = evaluate_scenes(options.evaluate, EVALUATION_SEED, EVALUATION_PER_CLASS)
        shipped = evaluate_scenes(options.evaluate, SEED, PER_CLASS)
    except ImageClassifierError as error:
        print(error, file=sys.stderr)
        return 1
    _report(result, shipped, as_json=options.json)
    return 0


def _report(result: Evaluation, shipped: Evaluation, *, as_json: bool) -> None:
    counts = {label: result.confusion[i, i] for i, label in enumerate(result.labels)}
    right, shipped_right = sum(counts.values()), sum(shipped.confusion[i, i] for i in range(len(CLASSES)))
    if as_json:
        facts = {"right": right, "n": result.n, "perClass": counts, "shippedRight": shipped_right}
        print(json.dumps(facts | {"shippedN": shipped.n}))
        return
    print(
        f"{right} of {result.n} drawn scenes right (seed {EVALUATION_SEED}, {EVALUATION_PER_CLASS} a class)"
    )
    for label, count in counts.items():
        print(f"  {label:<10} {count:>2} of {EVALUATION_PER_CLASS}")
    print(f"{shipped_right} of the {shipped.n} shipped ones (seed {SEED})")


if __name__ == "__main__":
    sys.exit(main())
