"""What comes in from a camera or the network: refused with a reason, or decoded the one documented way."""

from __future__ import annotations

import contextlib
import io
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image_classifier.decoding import DecodeLimits, decode
from image_classifier.errors import BadImageError, BadImageReason
from tests.image_classifier.tiny_model import encode, plain

LIMITS = DecodeLimits()
LEAST = (16, 16)
NOISE = np.random.default_rng(3).integers(0, 256, (24, 20, 3), np.uint8)


def rgb(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(decode(data, LIMITS, LEAST).image)


def reason_of(data: bytes, limits: DecodeLimits = LIMITS) -> BadImageReason:
    with pytest.raises(BadImageError) as caught:
        decode(data, limits, LEAST)
    assert caught.value.detail
    return caught.value.reason


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def with_text_bomb() -> bytes:
    """A good picture with 64 text chunks that would each unpack to a megabyte."""
    good = encode(NOISE)
    bomb = chunk(b"zTXt", b"bomb\0\0" + zlib.compress(bytes(1 << 20)))
    profile = chunk(b"iCCP", b"bomb\0\0" + zlib.compress(bytes(32 << 20)))
    return good[:33] + profile + bomb * 64 + good[33:]


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "empty"),
            (b"\xff\xd8", "truncated"),
            (b"\x89PN", "truncated"),
            (b"\0" * 100, "unsupported_format"),
            (b"<html><body>404</body></html>", "unsupported_format"),  # a web server's error saved as .jpg
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
            (encode(plain((1, 2, 3)), "GIF"), "unsupported_format"),
            (encode(plain((1, 2, 3)), "WEBP"), "unsupported_format"),
            (encode(plain((1, 2, 3)), "TIFF"), "unsupported_format"),
            (encode(plain((1, 2, 3)), "BMP"), "unsupported_format"),
            (b"\0\0\0\x18ftypheic" + b"\0" * 50, "unsupported_format"),
            (b"\xff\xd8\xff\xd9", "truncated"),  # start and end, nothing between
            (b"\xff\xd8\xff\xe0garbage\xff\xda\xff\xd9", "truncated"),  # a segment longer than the file
            (b"\xff\xd8\xff\xda\x00\x02\xff\xd9", "corrupt"),  # a scan without a frame
            (png(png_header(0, 5), chunk(b"IDAT", b""), chunk(b"IEND", b"")), "corrupt"),
            (png(png_header(8, 8, depth=7), chunk(b"IDAT", b""), chunk(b"IEND", b"")), "corrupt"),
            (png(chunk(b"IEND", b"")), "corrupt"),
        ],
    )
    def test_by_reason(self, data: bytes, reason: str) -> None:
        assert reason_of(data) == reason

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    @pytest.mark.parametrize("picture", [NOISE, plain((200, 30, 30), 40, 40)], ids=["noise", "plain"])
    def test_truncated_at_every_byte(self, kind: str, picture: object) -> None:
        whole = encode(picture, kind)
        reasons = {reason_of(whole[:size]) for size in range(len(whole))}
        assert reasons <= {"empty", "truncated", "corrupt"}

    def test_truncated_jpeg_with_an_exif_thumbnail(self) -> None:
        """The thumbnail's end marker must not pass for the picture's."""
        thumbnail = encode(plain((1, 1, 1)), "JPEG")
        whole = encode(NOISE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail)
        assert whole.count(b"\xff\xd9") == 2
        assert rgb(whole).shape == (24, 20, 3)
        assert {reason_of(whole[:-size]) for size in (1, 2, 3, 50)} == {"truncated"}

    def test_a_flipped_bit_in_a_png_is_noticed(self) -> None:
        whole = bytearray(encode(NOISE))
        whole[60] ^= 4
        assert reason_of(bytes(whole)) == "corrupt"

    def test_bytes_and_pixels_over_the_limits(self) -> None:
        data = encode(NOISE)
        assert reason_of(data, DecodeLimits(max_bytes=len(data) - 1)) == "too_large"
        assert reason_of(data, DecodeLimits(max_pixels=24 * 20 - 1)) == "too_many_pixels"
        assert reason_of(data, DecodeLimits(max_source_pixels=24 * 20 - 1)) == "too_many_pixels"
        exact = DecodeLimits(max_bytes=len(data), max_pixels=24 * 20, max_source_pixels=24 * 20)
        assert decode(data, exact, LEAST).image.size == (20, 24)

    def test_a_large_baseline_jpeg_is_shrunk_while_it_is_decoded(self) -> None:
        data = encode(plain((0, 90, 200), 4000, 3500), "JPEG")
        small = decode(data, DecodeLimits(max_pixels=1_000_000), LEAST).image
        assert small.size == (500, 438)
        assert np.abs(np.asarray(small).astype(int) - (0, 90, 200)).max() <= 2

    @pytest.mark.parametrize("exif", [b"", b"Exif\0\0\xff\xda\xff\xd9"])
    def test_a_large_progressive_jpeg_is_not(self, exif: bytes) -> None:
        """It is buffered whole first, so its full size counts, whatever its EXIF block holds."""
        data = encode(plain((0, 90, 200), 2000, 1000), "JPEG", progressive=True, exif=exif)
        assert reason_of(data, DecodeLimits(max_pixels=1_999_999)) == "too_many_pixels"

    @given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
    def test_random_bytes_give_a_reason(self, data: bytes, head: bytes) -> None:
        assert reason_of(head + data) in set(BadImageReason)

    @settings(deadline=None, max_examples=200)
    @given(st.sampled_from(["JPEG", "PNG"]), st.data())
    def test_mutations_give_pixels_or_a_reason(self, kind: str, data: st.DataObject) -> None:
        whole = bytearray(encode(NOISE, kind))
        for _ in range(data.draw(st.integers(1, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        with contextlib.suppress(BadImageError):
            assert rgb(bytes(whole)).shape[2] == 3


BOMBS = {
    "png of 50,000 x 50,000": png(png_header(50_000, 50_000), chunk(b"IDAT", b"x" * 50), chunk(b"IEND", b"")),
    "png of 1 x 10^9": png(png_header(1, 10**9), chunk(b"IDAT", b"x" * 50), chunk(b"IEND", b"")),
    "png of 12,000 x 12,000 in full": png(
        png_header(12_000, 12_000, depth=1, colour=0),
        chunk(b"IDAT", zlib.compress(bytes(1501 * 12_000), 9)),
        chunk(b"IEND", b""),
    ),
    "jpeg of 65,500 x 65,500": encode(plain((1, 1, 1)), "JPEG").replace(
        b"\xff\xc0\x00\x11\x08\x00\x08\x00\x08", b"\xff\xc0\x00\x11\x08\xff\xdc\xff\xdc"
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_from_its_header(name: str) -> None:
    assert len(BOMBS[name]) < 256 << 10
    started = time.perf_counter()
    assert reason_of(BOMBS[name]) == "too_many_pixels"
    assert time.perf_counter() - started < 0.1


def test_bombs_do_not_grow_the_process(tmp_path: Path) -> None:
    """Under 50 MB more at the peak, all bombs and a picture with text bombs together."""
    for number, data in enumerate((*BOMBS.values(), with_text_bomb())):
        (tmp_path / str(number)).write_bytes(data)
    script = """
import pathlib, resource, sys
from image_classifier.decoding import DecodeLimits, decode
from image_classifier.errors import BadImageError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pictures = [path.read_bytes() for path in sorted(pathlib.Path(sys.argv[1]).iterdir())]
before, decoded = peak(), 0
for data in pictures:
    try:
        decode(data, DecodeLimits(), (64, 64)); decoded += 1
    except BadImageError:
        pass
print(decoded, peak() - before)
"""
    run = [sys.executable, "-c", script, str(tmp_path)]
    output = subprocess.run(
        run, check=True, capture_output=True, text=True, env={"PYTHONPATH": "libs"}
    ).stdout
    decoded, grown_kb = map(int, output.split())
    assert decoded == 1
    assert grown_kb < 50_000


def test_text_bombs_do_not_hide_the_picture() -> None:
    assert (rgb(with_text_bomb()) == NOISE).all()


def grey(kind: str = "L") -> Image.Image:
    return Image.fromarray(NOISE[..., 0]).convert(kind)


def sixteen_bit(colour: int, channels: int) -> bytes:
    """A 16-bit PNG whose upper bytes are NOISE's and whose lower bytes are 0xF0."""
    samples = (NOISE[..., :channels].astype(">u2") << 8) | 0xF0
    rows = b"".join(b"\0" + row.tobytes() for row in samples.astype(">u2"))
    return png(png_header(20, 24, 16, colour), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))


class TestColour:
    """Every mode becomes RGB in one fixed way: a picture gives the same tensor however it is stored."""

    @pytest.mark.parametrize(
        "data",
        [
            encode(NOISE),
            encode(Image.fromarray(NOISE).convert("RGBA")),  # opaque
            sixteen_bit(2, 3),
        ],
        ids=["rgb", "rgba", "rgb16"],
    )
    def test_colour_is_exact(self, data: bytes) -> None:
        assert (rgb(data) == NOISE).all()

    @pytest.mark.parametrize(
        "data", [encode(grey()), encode(grey("LA")), sixteen_bit(0, 1)], ids=["l", "la", "l16"]
    )
    def test_grey_is_replicated(self, data: bytes) -> None:
        assert (rgb(data) == NOISE[..., :1]).all()

    def test_one_bit(self) -> None:
        image = grey("1")
        assert (rgb(encode(image)) == np.asarray(image)[..., None] * np.uint8(255)).all()

    def test_palette(self) -> None:
        image = Image.fromarray(NOISE).quantize(16)
        assert (rgb(encode(image)) == np.asarray(image.convert("RGB"))).all()

    @pytest.mark.parametrize(
        ("alpha", "expected"), [(0, (255, 255, 255)), (255, (200, 0, 0)), (128, (227, 127, 127))]
    )
    def test_transparency_lies_over_white(self, alpha: int, expected: tuple[int, int, int]) -> None:
        seen = rgb(encode(Image.new("RGBA", (4, 4), (200, 0, 0, alpha))))
        assert np.abs(seen.astype(int) - expected).max() <= 1

    def test_transparent_palette_entry_and_transparent_colour(self) -> None:
        palette = Image.new("P", (4, 4), 0)
        palette.putpalette([10, 20, 30, 40, 50, 60])
        palette.putpixel((0, 0), 1)
        seen = rgb(encode(palette, transparency=0))
        assert (seen[0, 0] == (40, 50, 60)).all()
        assert (seen[1, 1] == 255).all()
        assert (rgb(encode(plain((9, 8, 7)), transparency=(9, 8, 7))) == 255).all()

    @pytest.mark.parametrize("quality", [95])
    def test_cmyk_jpeg_with_and_without_adobes_inversion(self, quality: int) -> None:
        """Pure cyan, magenta and yellow ink, Adobe's inverted storage (what Pillow writes) included."""
        for ink, expected in (
            ((255, 0, 0, 0), (0, 255, 255)),
            ((0, 255, 0, 0), (255, 0, 255)),
            ((0, 0, 0, 255), (0, 0, 0)),
        ):
            data = encode(Image.new("CMYK", (16, 16), ink), "JPEG", quality=quality)
            assert b"Adobe" in data
            assert np.abs(rgb(data).astype(int) - expected).max() <= 4

    def test_ycck_jpeg(self) -> None:
        data = encode(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG", quality=95)
        marker = data.index(b"Adobe")
        ycck = data[: marker + 11] + b"\x02" + data[marker + 12 :]  # the APP14 segment's transform: YCCK
        decoded = rgb(ycck)
        assert decoded.shape == (16, 16, 3)
        assert (decoded == decoded[0, 0]).all()

    def test_jpeg_in_grey(self) -> None:
        seen = rgb(encode(grey(), "JPEG", quality=100))
        assert (seen[..., 0] == seen[..., 2]).all()
        assert np.abs(seen[..., 0].astype(int) - NOISE[..., 0]).max() <= 3

    def test_animated_png_gives_its_first_picture(self) -> None:
        frames = [plain((255, 0, 0)), plain((0, 0, 255))]
        data = encode(frames[0], save_all=True, append_images=frames[1:])
        assert b"acTL" in data
        assert (rgb(data) == (255, 0, 0)).all()


class TestOrientation:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_is_read(self, kind: str, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        assert decode(encode(NOISE, kind, exif=exif), LIMITS, LEAST).orientation == orientation

    # pytest turns warnings into errors; outside of it this one is filtered where decoding is imported.
    @pytest.mark.filterwarnings("ignore::UserWarning:PIL")
    @pytest.mark.parametrize(
        "exif",
        [
            b"Exif\0\0",
            b"Exif\0\0II*\0\xff\xff\xff\xff",  # an offset out of the block
            b"Exif\0\0II*\0\x08\0\0\0\xff\xff",  # more entries than bytes
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0\0\0\0\0",  # orientation 9
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0\0\0\0\0",  # a text for a number
            b"random",
        ],
    )
    def test_a_broken_exif_block_is_ignored(self, exif: bytes) -> None:
        decoded = decode(encode(NOISE, "JPEG", exif=exif), LIMITS, LEAST)
        assert decoded.orientation == 1
        assert decoded.image.size == (20, 24)


def test_bytes_after_the_end_are_tolerated() -> None:
    for kind in ("JPEG", "PNG"):
        whole = encode(NOISE, kind)
        assert (rgb(whole + b"\0" * 100) == rgb(whole)).all()


def test_multi_picture_jpeg_gives_its_first_picture() -> None:
    buffer = io.BytesIO()
    plain((0, 255, 0), 16, 16).save(buffer, "MPO", save_all=True, append_images=[plain((255, 0, 0), 16, 16)])
    assert np.abs(rgb(buffer.getvalue()).astype(int) - (0, 255, 0)).max() <= 2
