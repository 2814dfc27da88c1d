from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from camera.encoding import BadPictureError, Body, Wish, encode, is_quick
from camera.image_file import ImageFormat
from camera.picture import ImageFile, Pixels
from camera.settings import Format
from module_kit.message import MAXIMUM_BODY_BYTES
from tests.camera.pictures import jpeg, noise, png, saved


def pixels(image: Image.Image) -> Pixels:
    return Pixels(image.convert("RGB").tobytes(), image.width, image.height)


def opened(body: Body) -> Image.Image:
    image = Image.open(io.BytesIO(body.image))
    image.load()
    assert (image.width, image.height) == (body.width, body.height)
    assert image.format == body.format.value
    return image


@pytest.mark.parametrize("body", [jpeg(side=200), png(side=200), saved(noise(64, 64, mode="L"), "PNG")])
def test_a_file_that_fits_travels_byte_for_byte(body: bytes) -> None:
    assert encode(ImageFile(body), Wish()).image is body
    assert encode(ImageFile(body), Wish(jpeg_quality=30)).image is body, "quality is for raw pixels"
    assert encode(ImageFile(body), Wish(maximum_side=200)).image is body


def test_raw_pixels_travel_without_loss() -> None:
    image = noise(32, 32)
    body = encode(pixels(image), Wish())
    assert body.format is ImageFormat.PNG
    assert opened(body).tobytes() == image.tobytes()


def test_raw_pixels_travel_as_jpeg_when_a_quality_is_set() -> None:
    image = pixels(noise(64, 64))
    low, high = (encode(image, Wish(jpeg_quality=quality)) for quality in (20, 95))
    assert low.format is high.format is ImageFormat.JPEG
    assert len(low.image) < len(high.image)


@pytest.mark.parametrize(
    ("picture", "wish", "format_"),
    [
        (ImageFile(jpeg()), Wish(format=Format.PNG), ImageFormat.PNG),
        (ImageFile(png()), Wish(format=Format.JPEG), ImageFormat.JPEG),
        (ImageFile(jpeg(side=90)), Wish(maximum_side=30), ImageFormat.JPEG),
        (ImageFile(png(side=90)), Wish(maximum_side=30), ImageFormat.PNG),
    ],
)
def test_formats(picture: ImageFile, wish: Wish, format_: ImageFormat) -> None:
    body = encode(picture, wish)
    assert body.format is format_
    opened(body)


@pytest.mark.parametrize(
    ("picture", "wish"),
    [
        (pixels(noise(1920, 1080)), Wish()),
        (pixels(noise(640, 480)), Wish()),  # raw it is small enough to be tried as PNG first
        (pixels(noise(640, 480)), Wish(format=Format.PNG)),
        (pixels(noise(1280, 960)), Wish(jpeg_quality=100)),
        (ImageFile(saved(noise(2000, 1500), quality=95)), Wish()),
        (ImageFile(png(side=600)), Wish()),
        (ImageFile(png(side=600)), Wish(format=Format.PNG)),
        (pixels(noise(200_000, 3)), Wish()),  # a line
        (pixels(noise(300, 300)), Wish(limit=2000)),
        (pixels(noise(300, 300)), Wish(limit=2000, format=Format.PNG)),
    ],
)
def test_what_is_too_large_is_made_to_fit(picture: ImageFile | Pixels, wish: Wish) -> None:
    body = encode(picture, wish)
    assert len(body.image) <= wish.limit <= MAXIMUM_BODY_BYTES
    opened(body)
    if wish.format is Format.PNG:
        assert body.format is ImageFormat.PNG


def test_region_and_side() -> None:
    image = Image.new("RGB", (400, 200), "black")
    image.paste("red", (200, 100, 400, 200))
    body = encode(pixels(image), Wish(region=(0.5, 0.5, 1, 1), maximum_side=50))
    assert (body.width, body.height) == (50, 25)
    assert opened(body).getcolors() == [(50 * 25, (255, 0, 0))]


def test_the_smallest_region_is_one_pixel() -> None:
    body = encode(pixels(noise(3, 3)), Wish(region=(0.999, 0.999, 1.0, 1.0)))
    assert (body.width, body.height) == (1, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_kept_when_encoded_anew(orientation: int) -> None:
    upright = Image.new("RGB", (60, 40), "black")
    upright.paste("white", (0, 0, 30, 20))  # the upper left quarter
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose codes of the inverse
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    body = encode(ImageFile(saved(stored, quality=95, exif=exif.tobytes())), Wish(format=Format.PNG))
    image = opened(body).convert("L")
    assert image.size == (60, 40)
    corners = [
        image.point(lambda value: 255 * (value > 128)).getpixel(at) == 255
        for at in ((5, 5), (55, 5), (5, 35), (55, 35))
    ]
    assert corners == [True, False, False, False]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_colour_mode_is_converted(mode: str) -> None:
    if mode == "I;16":
        source = Image.frombytes(mode, (8, 8), b"\x00\x80" * 64)
    elif mode == "P":
        source = Image.new("RGB", (8, 8), (128, 128, 128)).quantize()
    elif mode == "1":
        source = Image.new("1", (8, 8), 1)
    else:
        source = Image.new("RGB", (8, 8), (128, 128, 128)).convert(mode)
    body = encode(ImageFile(saved(source, "JPEG" if mode == "CMYK" else "PNG")), Wish(maximum_side=4))
    value = opened(body).convert("L").getpixel((1, 1))
    assert value == pytest.approx(255 if mode == "1" else 128, abs=3)


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_an_image"),
        (b"<html>", "not_an_image"),
        (b"GIF89a" + bytes(50), "not_an_image"),
        (b"\xff\xd8\xff" + bytes(50), "undecodable"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "undecodable"),
        (bomb(50_000, 50_000), "too_many_pixels"),
        (bomb(8_000, 8_000), "too_many_pixels"),
        (bomb(2**31 - 1, 2**31 - 1), "too_many_pixels"),
        (bomb(300, 300), "undecodable"),  # its data are cut short
    ],
)
def test_bad_pictures_are_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(BadPictureError) as caught:
        encode(ImageFile(body), Wish(maximum_side=16))
    assert caught.value.reason == reason


@pytest.mark.parametrize("make", [jpeg, png])
def test_a_picture_cut_anywhere_is_refused_or_passed_on_never_a_crash(make: object) -> None:
    whole = jpeg(side=16) if make is jpeg else png(side=16)
    refused = 0
    for length in range(0, len(whole), 7):
        try:
            encode(ImageFile(whole[:length]), Wish(maximum_side=8))
        except BadPictureError:
            refused += 1
    assert refused > len(whole) // 7 // 2


def test_pixels_must_have_their_size() -> None:
    with pytest.raises(ValueError, match="2x2 pixels need 12 bytes, got 3"):
        Pixels(b"abc", 2, 2)


def test_only_small_work_is_done_on_the_loop(tmp_path: Path) -> None:
    assert is_quick(pixels(noise(32, 32)), Wish(jpeg_quality=80))
    assert is_quick(ImageFile(jpeg()), Wish())
    assert not is_quick(pixels(noise(640, 480)), Wish())
    assert not is_quick(ImageFile(jpeg()), Wish(region=(0, 0, 0.5, 0.5)))
