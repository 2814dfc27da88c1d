"""Tensor bytes against arithmetic written out by hand, and resizing against pictures with a known answer."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image_classifier.bundle import InputSpec, Quantization
from image_classifier.preprocess import Preprocessor
from tests.image_classifier.tiny_model import encode, plain

LEVELS = np.arange(256, dtype=np.uint8)


def spec(**changes: Any) -> InputSpec:
    facts: dict[str, Any] = {
        "shape": (1, 8, 8, 3),
        "dtype": "int8",
        "quantization": Quantization(1 / 255, -128),
        "colour_order": "RGB",
        "resize_rule": "squash",
        "interpolation": "bilinear",
        "mean": (0.0, 0.0, 0.0),
        "standard_deviation": (255.0, 255.0, 255.0),
    }
    return InputSpec(**facts | changes)


def all_levels() -> Any:
    """(16, 16, 3): red counts 0..255, green counts down, blue is 7."""
    return np.stack([LEVELS, LEVELS[::-1], np.full(256, 7, np.uint8)], -1).reshape(16, 16, 3)


def by_hand(level: int, facts: InputSpec, channel: int) -> int:
    """The bundle's formula in exact fractions: halves away from zero, then the type's limits."""
    real = Fraction(level - facts.mean[channel]) / Fraction(facts.standard_deviation[channel])
    steps = real / Fraction(float(np.float32(facts.quantization.scale)))
    rounded = int(abs(steps) + Fraction(1, 2)) * (1 if steps >= 0 else -1)
    limits = np.iinfo(facts.dtype)
    return max(limits.min, min(limits.max, rounded + facts.quantization.zero_point))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"quantization": Quantization(1.0, -128), "standard_deviation": (1.0, 1.0, 1.0)},  # MLPerf Tiny
        {"quantization": Quantization(0.5, 0), "standard_deviation": (4.0, 4.0, 4.0)},  # halves
        # halves below zero
        {"quantization": Quantization(0.5, 0), "standard_deviation": (4.0,) * 3, "mean": (128.0,) * 3},
        {
            "mean": (123.675, 116.28, 103.53),
            "standard_deviation": (58.4, 57.1, 57.4),
            "quantization": Quantization(0.0187, -14),
        },
        {"dtype": "uint8", "quantization": Quantization(1 / 255, 0)},
        {"quantization": Quantization(0.0001, 3)},  # clips
    ],
)
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_quantization_is_the_documents_formula(changes: dict[str, Any], order: str) -> None:
    facts = spec(shape=(1, 16, 16, 3), colour_order=order, **changes)
    tensor = Preprocessor(facts).tensor(encode(all_levels()))
    assert tensor.dtype == facts.dtype
    assert tensor.flags.c_contiguous
    red, green, blue = (0, 1, 2) if order == "RGB" else (2, 1, 0)
    flat = tensor.reshape(256, 3)
    assert flat[:, red].tolist() == [by_hand(level, facts, 0) for level in range(256)]
    assert flat[:, green].tolist() == [by_hand(255 - level, facts, 1) for level in range(256)]
    assert set(flat[:, blue].tolist()) == {by_hand(7, facts, 2)}


def test_float_input() -> None:
    facts = spec(shape=(1, 16, 16, 3), dtype="float32", quantization=Quantization(0, 0), mean=(127.5,) * 3)
    tensor = Preprocessor(facts).tensor(encode(all_levels()))
    assert tensor.dtype == np.float32
    assert tensor[..., 0].ravel() == pytest.approx((np.arange(256) - 127.5) / 255)


def halves(width: int, height: int) -> Image.Image:
    """Left half red, right half blue."""
    image = plain((255, 0, 0), width, height)
    image.paste((0, 0, 255), (width // 2, 0, width, height))
    return image


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "area"])
@pytest.mark.parametrize(
    ("rule", "size", "columns"),
    [
        ("squash", (64, 16), "RRRRBBBB"),
        ("crop", (64, 16), "RRRRBBBB"),  # the middle 16 x 16
        ("crop", (16, 64), "RRRRBBBB"),
        ("pad", (16, 64), "---RB---"),  # 2 of 8 columns are picture
        ("squash", (1000, 1000), "RRRRBBBB"),
    ],
)
def test_resize_rules(rule: str, size: tuple[int, int], columns: str, interpolation: str) -> None:
    pixels = Preprocessor(spec(resize_rule=rule, interpolation=interpolation)).pixels(encode(halves(*size)))
    colours = {"R": (255, 0, 0), "B": (0, 0, 255), "-": (0, 0, 0)}
    for column, colour in enumerate(columns):
        blend = interpolation in {
            "bilinear",
            "bicubic",
        }  # the filter reaches over the edge between the colours
        assert np.abs(pixels[:, column].astype(int) - colours[colour]).max() <= (40 if blend else 0)


def test_shrinking_averages_every_pixel() -> None:
    """A fine chequerboard becomes grey; without a filter it would alias to black or white."""
    board = np.indices((64, 64)).sum(0)[..., None].repeat(3, -1) % 2 * 255
    for interpolation in ("bilinear", "bicubic", "area"):
        pixels = Preprocessor(spec(interpolation=interpolation)).pixels(encode(board))
        assert np.abs(pixels.astype(int) - 127).max() <= 3


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["squash", "crop", "pad"]))
@settings(deadline=None, max_examples=60)
def test_any_size_gives_the_models_shape(width: int, height: int, rule: str) -> None:
    tensor = Preprocessor(spec(resize_rule=rule)).tensor(encode(plain((50, 60, 70), width, height)))
    assert tensor.shape == (1, 8, 8, 3)
    assert tensor.max() > -128


@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1), (1, 1), (3840, 2160)])
@pytest.mark.parametrize("rule", ["squash", "crop", "pad"])
def test_extreme_shapes(size: tuple[int, int], rule: str) -> None:
    data = encode(plain((250, 250, 250), *size), "JPEG")
    assert Preprocessor(spec(resize_rule=rule)).pixels(data).max() >= 249


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(8, 8), (40, 24), (640, 480)])
def test_all_orientations_of_a_picture_look_alike(kind: str, size: tuple[int, int]) -> None:
    """Stored turned and flagged so, the picture is what it was: EXIF 2.3, tag 0x0112."""
    upright = Image.fromarray(np.random.default_rng(1).integers(0, 256, (4, 4, 3), np.uint8)).resize(size)
    stored = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    preprocessor = Preprocessor(spec())
    expected = preprocessor.pixels(encode(upright, kind, quality=95)).astype(int)
    for orientation, turn in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = upright if turn is None else upright.transpose(turn)
        pixels = preprocessor.pixels(encode(turned, kind, quality=95, exif=exif))
        # Re-encoding a turned JPEG moves its chroma samples; PNG differs by the rounding of the filter alone.
        assert np.abs(pixels - expected).mean() <= (12 if kind == "JPEG" else 1), orientation


def test_arrays_and_files_give_the_same_bytes() -> None:
    picture = np.random.default_rng(5).integers(0, 256, (30, 50, 3), np.uint8)
    for rule in ("squash", "crop", "pad"):
        preprocessor = Preprocessor(spec(resize_rule=rule))
        assert preprocessor.tensor(picture).tobytes() == preprocessor.tensor(encode(picture)).tobytes()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3)),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_arrays_of_another_kind_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected RGB uint8"):
        Preprocessor(spec()).pixels(wrong)
    with pytest.raises(ValueError, match="expected RGB uint8"):
        Preprocessor(spec()).quantize(wrong)


def test_the_source_array_is_not_changed() -> None:
    picture = np.full((8, 8, 3), 9, np.uint8)
    preprocessor = Preprocessor(spec(colour_order="BGR"))
    preprocessor.tensor(picture)
    assert (picture == 9).all()
