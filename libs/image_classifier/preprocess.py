"""Pixels -> input tensor. The only preprocessing of the project, driven by the bundle.

Training, the edge module, the web service and batch jobs all call `Preprocessor`, so the tensor's bytes are
the same everywhere (golden vectors prove it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from image_classifier.bundle import InputSpec
from image_classifier.decoding import Decoded, DecodeLimits, decode

Pixels = npt.NDArray[np.uint8]
Tensor = npt.NDArray[Any]
Picture = bytes | Pixels
"""An encoded JPEG or PNG, or RGB uint8 (height, width, 3)."""


@dataclass(frozen=True, slots=True)
class ReadyTensor:
    """What a client has preprocessed itself: `values` have the bundle's input shape and dtype."""

    values: Tensor


ModelInput = Picture | ReadyTensor

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
}
_ORIENT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Preprocessor:
    """Turns encoded pictures or RGB arrays into the tensor that one bundle's model wants.

    Holds no state that changes: one instance may be used from several threads.
    """

    def __init__(self, spec: InputSpec, limits: DecodeLimits | None = None) -> None:
        self._spec = spec
        self._limits = limits or DecodeLimits()
        # Twice the model's size leaves the resampling filter something to average.
        self._least_size = (2 * spec.width, 2 * spec.height)
        table = _level_table(spec)
        self._per_channel = not bool((table == table[0]).all())
        self._table = table if self._per_channel else table[0]

    def tensor(self, picture: ModelInput) -> Tensor:
        """A picture of any size, or the tensor itself -> tensor of the bundle's shape and dtype.

        Raises:
            BadImageError: with the reason.
            ValueError: an array that is no picture, or not the bundle's input tensor.
        """
        if isinstance(picture, ReadyTensor):
            return self._checked(picture.values)
        return self.quantize(self.pixels(picture))

    def pixels(self, picture: Picture) -> Pixels:
        """A picture of any size -> upright RGB, uint8 (height, width, 3) of the model's size.

        Raises:
            BadImageError: with the reason.
        """
        if isinstance(picture, bytes):
            return self._resize(decode(picture, self._limits, self._least_size))
        rgb = picture
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
            raise ValueError(f"expected RGB uint8 (height, width, 3), found {rgb.dtype} {rgb.shape}")
        if rgb.shape[:2] == self._spec.shape[1:3]:
            return rgb
        return self._resize(Decoded(Image.fromarray(rgb), 1))

    def quantize(self, rgb: Pixels) -> Tensor:
        """RGB, uint8 (height, width, 3) of the model's size -> tensor of the bundle's shape and dtype."""
        if rgb.shape != self._spec.shape[1:] or rgb.dtype != np.uint8:
            raise ValueError(f"expected RGB uint8 {self._spec.shape[1:]}, found {rgb.dtype} {rgb.shape}")
        if self._per_channel:
            planes = [self._table[channel].take(rgb[..., channel]) for channel in range(3)]
            levels = np.stack(planes, axis=-1)
        else:
            levels = self._table.take(rgb)
        if self._spec.colour_order == "BGR":
            levels = np.ascontiguousarray(levels[..., ::-1])
        return levels.reshape(self._spec.shape)

    def _checked(self, tensor: Tensor) -> Tensor:
        if tensor.shape != self._spec.shape or tensor.dtype != self._spec.dtype:
            expected = f"{self._spec.dtype} {self._spec.shape}"
            raise ValueError(f"expected the input tensor {expected}, found {tensor.dtype} {tensor.shape}")
        return tensor

    def _resize(self, decoded: Decoded) -> Pixels:
        # Resizing first and turning afterwards costs a turn of the small picture, not of the large one.
        image, spec = decoded.image, self._spec
        sideways = decoded.orientation >= 5
        size = (spec.height, spec.width) if sideways else (spec.width, spec.height)
        if image.size != size:
            image = _fit(image, size, spec.resize_rule, _FILTERS[spec.interpolation])
        if decoded.orientation != 1:
            image = image.transpose(_ORIENT[decoded.orientation])
        return np.asarray(image)


def _fit(image: Image.Image, size: tuple[int, int], rule: str, resample: Image.Resampling) -> Image.Image:
    width, height = size
    if rule == "squash":
        return image.resize(size, resample)
    across, down = image.size[0] / width, image.size[1] / height
    if rule == "crop":
        kept = min(across, down)
        left, top = (image.size[0] - kept * width) / 2, (image.size[1] - kept * height) / 2
        return image.resize(size, resample, box=(left, top, left + kept * width, top + kept * height))
    shrink = max(across, down)
    inner = (max(1, round(image.size[0] / shrink)), max(1, round(image.size[1] / shrink)))
    canvas = Image.new("RGB", size)
    canvas.paste(image.resize(inner, resample), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas


def _level_table(spec: InputSpec) -> Tensor:
    """The tensor's value for each channel and each of the 256 pixel levels: (3, 256) in the bundle's dtype.

    There are only 768 answers, so they are computed once, in double precision, and looked up ever after.
    """
    levels = np.arange(256, dtype=np.float64)
    real: npt.NDArray[np.float64] = (levels - np.array(spec.mean)[:, None]) / np.array(
        spec.standard_deviation
    )[:, None]
    if spec.dtype == "float32":
        return np.asarray(real, np.float32)
    # The document's scale is the model's float32 one, printed; dividing by that exact value is what the
    # model's own QUANTIZE step would do.
    steps = real / float(np.float32(spec.quantization.scale))
    rounded: npt.NDArray[np.float64] = (
        np.copysign(np.floor(np.abs(steps) + 0.5), steps) + spec.quantization.zero_point
    )
    limits = np.iinfo(spec.dtype)
    return np.asarray(rounded.clip(limits.min, limits.max), spec.dtype)
