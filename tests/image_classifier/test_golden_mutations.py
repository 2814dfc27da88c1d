"""Each mistake that preprocessing is known for, made on purpose: the golden vectors of every shipped bundle notice it.

The mistakes are patched into the code that the check runs, as a careless change would put them there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from image_classifier import decoding, preprocess
from image_classifier.bundle import Bundle, InputSpec, load_bundle, shipped_names
from image_classifier.classifier import Classifier
from image_classifier.errors import BundleError
from image_classifier.golden import check_golden_vectors
from image_classifier.preprocess import Pixels, Preprocessor, Tensor

Patch = pytest.MonkeyPatch
_quantize, _table, _to_rgb = Preprocessor.quantize, preprocess._level_table, decoding._to_rgb


def seen(patch: Patch, change: Callable[[Pixels], Pixels]) -> None:
    """Pixels are changed on their way into the tensor."""
    patch.setattr(
        Preprocessor, "quantize", lambda self, rgb: _quantize(self, np.ascontiguousarray(change(rgb)))
    )


def levels(patch: Patch, change: Callable[[InputSpec, Tensor], Tensor]) -> None:
    """Each pixel level gets another value of the tensor; (3, 256) in, (3, 256) out."""

    def changed(spec: InputSpec) -> Tensor:
        limits = np.iinfo(spec.dtype)
        return change(spec, _table(spec).astype(float)).clip(limits.min, limits.max).astype(spec.dtype)

    patch.setattr(preprocess, "_level_table", changed)


def from_minus_one(spec: InputSpec, table: Tensor) -> Tensor:
    real = np.arange(256) / 127.5 - 1
    return np.tile(np.rint(real / spec.quantization.scale) + spec.quantization.zero_point, (3, 1))


def cut_off(spec: InputSpec, table: Tensor) -> Tensor:
    real = np.arange(256) / 255
    return np.tile(np.trunc(real / spec.quantization.scale) + spec.quantization.zero_point, (3, 1))


def filtered(patch: Patch, resampling: Image.Resampling) -> None:
    patch.setattr(preprocess, "_FILTERS", dict.fromkeys(preprocess._FILTERS, resampling))


def fitted(patch: Patch, rule: str) -> None:
    fit = preprocess._fit
    patch.setattr(preprocess, "_fit", lambda image, size, _, resample: fit(image, size, rule, resample))


def jpeg_colour(patch: Patch, change: Callable[[Image.Image], Image.Image]) -> None:
    """A JPEG's brightness and colour are joined otherwise; `change` gets and gives YCbCr."""

    def to_rgb(image: Image.Image) -> Image.Image:
        rgb = _to_rgb(image)
        if image.format != "JPEG":
            return rgb
        before = rgb.convert("YCbCr")
        # the difference alone: going there and back costs a step of its own, which would be noticed as well
        after, back = (np.asarray(i.convert("RGB"), np.int16) for i in (change(before), before))
        return Image.fromarray((np.asarray(rgb) + after - back).clip(0, 255).astype(np.uint8))

    patch.setattr(decoding, "_to_rgb", to_rgb)


def coarse(image: Image.Image) -> Image.Image:
    """Halved colour comes back as blocks of 2x2, without the interpolation of libjpeg's decoder."""
    brightness, *colours = image.split()
    half = (image.width // 2, image.height // 2)
    blocks = [
        c.resize(half, Image.Resampling.BOX).resize(image.size, Image.Resampling.NEAREST) for c in colours
    ]
    return Image.merge("YCbCr", (brightness, *blocks))


def swapped(image: Image.Image) -> Image.Image:
    brightness, blue, red = image.split()
    return Image.merge("YCbCr", (brightness, red, blue))


def video_range(image: Image.Image) -> Image.Image:
    brightness, *colours = image.split()
    return Image.merge("YCbCr", (brightness.point(lambda v: (v - 16) * 255 / 219), *colours))


MISTAKES: dict[str, Callable[[Patch], None]] = {
    "blue first": lambda patch: seen(patch, lambda rgb: rgb[..., ::-1]),
    "columns first": lambda patch: seen(patch, lambda rgb: rgb.swapaxes(0, 1)),
    "upside down": lambda patch: seen(patch, lambda rgb: rgb[::-1]),
    "mirrored": lambda patch: seen(patch, lambda rgb: rgb[:, ::-1]),
    "planes taken for pixels": lambda patch: seen(
        patch, lambda rgb: rgb.transpose(2, 0, 1).reshape(rgb.shape)
    ),
    "-1..1 for 0..1": lambda patch: levels(patch, from_minus_one),
    "0..255 for 0..1": lambda patch: levels(
        patch, lambda spec, table: np.tile(np.arange(256) / spec.quantization.scale, (3, 1))
    ),
    "divided by 256": lambda patch: levels(
        patch,
        lambda spec, table: (
            np.rint((table - spec.quantization.zero_point) * 255 / 256) + spec.quantization.zero_point
        ),
    ),
    "cut off, not rounded": lambda patch: levels(patch, cut_off),
    "zero point one too high": lambda patch: levels(patch, lambda _, table: table + 1),
    "zero point one too low": lambda patch: levels(patch, lambda _, table: table - 1),
    "zero point of uint8": lambda patch: levels(patch, lambda _, table: table + 128),
    "nearest": lambda patch: filtered(patch, Image.Resampling.NEAREST),
    "area": lambda patch: filtered(patch, Image.Resampling.BOX),
    "bicubic": lambda patch: filtered(patch, Image.Resampling.BICUBIC),
    "cropped": lambda patch: fitted(patch, "crop"),
    "padded": lambda patch: fitted(patch, "pad"),
    "jpeg: colour in blocks": lambda patch: jpeg_colour(patch, coarse),
    "jpeg: colours swapped": lambda patch: jpeg_colour(patch, swapped),
    "jpeg: video range": lambda patch: jpeg_colour(patch, video_range),
    "jpeg: not shrunk while decoding": lambda patch: patch.setattr(
        decoding, "_shrink_while_decoding", lambda image, least: False
    ),
    "jpeg: lies on its side": lambda patch: patch.setattr(decoding, "_orientation", lambda image: 1),
    "png: transparency dropped": lambda patch: patch.setattr(
        decoding, "_to_rgb", lambda image: image.convert("RGB")
    ),
}


@pytest.fixture(scope="module", params=shipped_names())
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return load_bundle(request.param)


def test_the_tensors_are_right_without_a_mistake(bundle: Bundle) -> None:
    assert check_golden_vectors(Classifier(bundle)) == len(bundle.golden_vectors) > 0


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed(bundle: Bundle, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MISTAKES[mistake](monkeypatch)
    with pytest.raises(
        BundleError, match=r"tensorSha256: preprocessing of '[a-z-]+' gives other tensor bytes"
    ):
        check_golden_vectors(Classifier(bundle))
