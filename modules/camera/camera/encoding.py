"""From a picture to a frame's body: as it is where it fits, else cropped, scaled and encoded until it fits.

BadPictureError   a picture that cannot become a frame; `reason` is a word for counters

Measured on 2,000 CIFAR-10 pictures (32x32), on a busy machine: Pillow's PNG at level 1 takes 171 us and gives
2.3 KB, at level 0 (stored) 87 us and 3.2 KB; a writer of our own on zlib takes 128 us and 2.9 KB, stored 45 us.
So Pillow stays, and pictures of a few kilobytes are stored: time is dearer than their bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import sqrt

from PIL import Image, ImageOps

from camera.image_file import ImageFormat, sniff
from camera.picture import ImageFile, Picture, Pixels
from camera.settings import CameraSettings, Format
from module_kit.message import MAXIMUM_BODY_BYTES

MAXIMUM_PIXELS = 50_000_000
"""Refused from the header, before anything is decoded: 50 million pixels take 150 MB."""
STORED_BYTES = 16 * 1024
"""Raw pixels up to this many bytes are not compressed."""
DEFAULT_QUALITY = 90
LOWEST_QUALITY = 50
QUALITY_STEP = 20
JPEG_SIDE = 65_500
"""The longest side that libjpeg writes."""
HOPELESS = 6
"""Raw pixels of more than so many times the limit are not tried as PNG: photographs shrink by 2 to 3."""
INLINE_PIXELS = 128 * 128

Image.MAX_IMAGE_PIXELS = MAXIMUM_PIXELS


class BadPictureError(Exception):
    """This picture cannot be sent."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(slots=True, frozen=True)
class Body:
    """A frame's body.

    Attributes:
        image: JPEG or PNG, at most 248 KiB.
        width, height: pixels, as they lie in the file.
    """

    image: bytes
    format: ImageFormat
    width: int
    height: int


@dataclass(slots=True, frozen=True)
class Wish:
    """How frames shall be; the fields of `CameraSettings` that say so.

    Attributes:
        limit: bytes at most.
    """

    format: Format = Format.AUTO
    jpeg_quality: int = 0
    maximum_side: int = 0
    region: tuple[float, ...] = ()
    limit: int = MAXIMUM_BODY_BYTES

    @classmethod
    def of(cls, settings: CameraSettings) -> Wish:
        return cls(settings.format, settings.jpeg_quality, settings.maximum_side, tuple(settings.region))


def is_quick(picture: Picture, wish: Wish) -> bool:
    """Whether encoding takes well under a millisecond, so that another thread would cost more than it saves."""
    if isinstance(picture, Pixels):
        return picture.width * picture.height <= INLINE_PIXELS
    return (
        len(picture.body) <= wish.limit
        and not wish.maximum_side
        and not wish.region
        and (wish.format is Format.AUTO)
    )


def encode(picture: Picture, wish: Wish) -> Body:
    """The body of `picture` as `wish` has it. Raises `BadPictureError`."""
    if isinstance(picture, Pixels):
        _check_size(picture.width, picture.height)
        return _encode(Image.frombytes("RGB", (picture.width, picture.height), picture.rgb), None, wish)
    image = _opened(picture)
    found = ImageFormat(image.format or "")
    if _travels_as_it_is(picture, image, found, wish):
        return Body(picture.body, found, image.width, image.height)
    return _encode(_decoded(image), found, wish)


def _opened(picture: ImageFile) -> Image.Image:
    if sniff(picture.body) is None:
        raise BadPictureError("not_an_image", "neither JPEG nor PNG")
    try:
        image = Image.open(io.BytesIO(picture.body), formats=("JPEG", "PNG"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPictureError("too_many_pixels", str(error)) from None
    except Exception as error:  # noqa: BLE001 - Pillow raises many types for broken files
        raise BadPictureError("undecodable", f"{type(error).__name__}: {error}") from None
    _check_size(image.width, image.height)
    return image


def _check_size(width: int, height: int) -> None:
    if width * height > MAXIMUM_PIXELS:
        raise BadPictureError("too_many_pixels", f"{width}x{height}, at most {MAXIMUM_PIXELS} pixels")


def _travels_as_it_is(picture: ImageFile, image: Image.Image, found: ImageFormat, wish: Wish) -> bool:
    wanted = wish.format is Format.AUTO or wish.format.value.upper() == found.value
    small = not wish.maximum_side or max(image.size) <= wish.maximum_side
    return wanted and small and not wish.region and len(picture.body) <= wish.limit


def _decoded(image: Image.Image) -> Image.Image:
    try:
        # What is encoded anew loses its EXIF data, so the orientation is applied first.
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits a pixel
            return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
        return image if image.mode in ("RGB", "L") else image.convert("RGB")
    except Exception as error:  # noqa: BLE001 - Pillow raises many types for broken files
        raise BadPictureError("undecodable", f"{type(error).__name__}: {error}") from None


def _encode(image: Image.Image, origin: ImageFormat | None, wish: Wish) -> Body:
    if wish.region:
        image = _cropped(image, wish.region)
    if wish.maximum_side and max(image.size) > wish.maximum_side:
        image = _scaled(image, wish.maximum_side / max(image.size))
    if _wanted_format(origin, wish) is ImageFormat.PNG:
        return _png(image, wish)
    return _jpeg(image, wish)


def _wanted_format(origin: ImageFormat | None, wish: Wish) -> ImageFormat:
    if wish.format is not Format.AUTO:
        return ImageFormat(wish.format.value.upper())
    if origin is not None:
        return origin
    return ImageFormat.JPEG if wish.jpeg_quality else ImageFormat.PNG


def _cropped(image: Image.Image, region: tuple[float, ...]) -> Image.Image:
    left, top = int(region[0] * image.width), int(region[1] * image.height)
    right = max(left + 1, round(region[2] * image.width))
    bottom = max(top + 1, round(region[3] * image.height))
    return image.crop((left, top, right, bottom))


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BOX if factor <= 0.5 else Image.Resampling.BILINEAR)


def _png(image: Image.Image, wish: Wish) -> Body:
    """As PNG; what does not fit goes as JPEG, or smaller when PNG was asked for."""
    only_png = wish.format is Format.PNG
    if not only_png and image.width * image.height * len(image.getbands()) > HOPELESS * wish.limit:
        return _jpeg(image, wish)
    while True:
        raw = image.width * image.height * len(image.getbands())
        body = _saved(image, "PNG", compress_level=0 if raw <= min(STORED_BYTES, wish.limit // 2) else 1)
        if len(body) <= wish.limit or max(image.size) == 1:
            return Body(body, ImageFormat.PNG, image.width, image.height)
        if not only_png:
            return _jpeg(image, wish)
        image = _scaled(image, _factor(len(body), wish.limit))


def _jpeg(image: Image.Image, wish: Wish) -> Body:
    """As JPEG; lower quality first, then smaller."""
    wanted = wish.jpeg_quality or DEFAULT_QUALITY
    if max(image.size) > JPEG_SIDE:
        image = _scaled(image, JPEG_SIDE / max(image.size))
    while True:
        quality = wanted
        body = _saved(image, "JPEG", quality=quality)
        while len(body) > wish.limit and quality > LOWEST_QUALITY:
            quality = max(LOWEST_QUALITY, quality - QUALITY_STEP)
            body = _saved(image, "JPEG", quality=quality)
        if len(body) <= wish.limit or max(image.size) == 1:
            return Body(body, ImageFormat.JPEG, image.width, image.height)
        image = _scaled(image, _factor(len(body), wish.limit))


def _factor(size: int, limit: int) -> float:
    """By how much to scale a side so that the bytes, which follow the area, fit; a little less."""
    return min(0.9, 0.95 * sqrt(limit / size))


def _saved(image: Image.Image, format_name: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()
