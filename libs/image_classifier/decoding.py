"""Encoded picture -> RGB pixels, with every guard before the decoder runs.

Colour is converted in one fixed way: grey is replicated; transparency is laid over white; 16-bit samples keep
their upper byte; CMYK and YCCK (Adobe's inverted ones too) become RGB without a colour profile; profiles and
gamma chunks are ignored. Of an animated PNG or a multi-picture JPEG the first picture counts. The EXIF
orientation is reported, and applied by the caller after resizing, when it is cheap.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from image_classifier.containers import START_OF_SCAN, check_jpeg_end, essential_png, image_format
from image_classifier.errors import BadImageError, BadImageReason

# Pillow warns of a broken EXIF block while it opens the file; the block is ignored here, so there is no news.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.(Tiff|Jpeg)ImagePlugin")

_ORIENTATION_TAG = 0x0112
_TRANSPARENT = frozenset(("LA", "PA", "RGBA", "RGBa", "La"))
_OPAQUE = frozenset(("1", "L", "P", "RGB", "CMYK", "YCbCr"))


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What is refused before decoding.

    max_bytes: size of the encoded picture.
    max_pixels: width * height that the decoder would hold in memory (4 bytes each). A baseline JPEG far
        larger than the model's input is decoded at a half, quarter or eighth of its size: that counts.
    max_source_pixels: width * height in the header, whatever the decoder would hold (bounds its time).
    """

    max_bytes: int = 8 << 20
    max_pixels: int = 12_000_000
    max_source_pixels: int = 50_000_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """An RGB picture as it is stored, and the EXIF orientation (1..8) that it must be shown with."""

    image: Image.Image
    orientation: int


def decode(data: bytes, limits: DecodeLimits, least_size: tuple[int, int]) -> Decoded:
    """Decode a JPEG or PNG.

    Args:
        data: the encoded picture.
        limits: what to refuse before decoding.
        least_size: (width, height) in pixels below which a JPEG must not be scaled while decoding.

    Raises:
        BadImageError: with the reason.
    """
    if len(data) > limits.max_bytes:
        raise BadImageError(
            BadImageReason.TOO_LARGE, f"{len(data)} bytes; at most {limits.max_bytes} are read"
        )
    try:
        image = _open(data)
        source_pixels = _pixels(image)
        _refuse_above(limits.max_source_pixels, source_pixels, "in the header")
        shrunk = _shrink_while_decoding(image, least_size)
        held_pixels = source_pixels if shrunk and _keeps_all_coefficients(image, data) else _pixels(image)
        _refuse_above(limits.max_pixels, held_pixels, "to hold in memory")
        image.load()  # before EXIF is read: a PNG may have it behind its pixels
        return Decoded(_to_rgb(image), _orientation(image))
    except MemoryError:
        raise BadImageError(BadImageReason.TOO_MANY_PIXELS, "not enough memory to decode it") from None
    except BadImageError:
        raise
    except Exception as error:  # a parser of hostile bytes may raise anything
        truncated = "truncated" in str(error).lower()
        reason = BadImageReason.TRUNCATED if truncated else BadImageReason.CORRUPT
        raise BadImageError(reason, str(error) or type(error).__name__) from error


def _open(data: bytes) -> Image.Image:
    # The plugins directly: Image.open would warn of large pictures by its own limit and try other formats.
    if image_format(data) == "JPEG":
        check_jpeg_end(data)
        return JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    return PngImagePlugin.PngImageFile(io.BytesIO(essential_png(data)))


def _pixels(image: Image.Image) -> int:
    return image.size[0] * image.size[1]


def _refuse_above(limit: int, pixels: int, where: str) -> None:
    if pixels > limit:
        raise BadImageError(BadImageReason.TOO_MANY_PIXELS, f"{pixels} pixels {where}; at most {limit}")


def _shrink_while_decoding(image: Image.Image, least_size: tuple[int, int]) -> bool:
    factor = min(have // least for have, least in zip(image.size, least_size, strict=True))
    if image.format != "JPEG" or factor < 2:
        return False
    image.draft(None, least_size)
    return True


def _keeps_all_coefficients(image: Image.Image, data: bytes) -> bool:
    """A JPEG of several scans is buffered whole before it is shrunk; its thumbnail's scan does not count."""
    thumbnail: bytes = image.info.get("exif", b"")
    return data.count(START_OF_SCAN) - thumbnail.count(START_OF_SCAN) > 1


def _orientation(image: Image.Image) -> int:
    if "exif" not in image.info:
        return 1
    # A broken EXIF block says nothing about the pixels.
    with contextlib.suppress(Exception):
        value = image.getexif().get(_ORIENTATION_TAG, 1)
        if isinstance(value, int) and 1 <= value <= 8:
            return value
    return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        upper_byte = (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
        image = Image.fromarray(upper_byte).convert("RGB")
    elif image.mode in _TRANSPARENT or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, "white")
        image.alpha_composite(layer)
    elif image.mode not in _OPAQUE:
        raise BadImageError(BadImageReason.UNSUPPORTED_COLOUR, f"colour mode {image.mode}")
    return image.convert("RGB")
