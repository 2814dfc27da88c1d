"""What a picture claims to be, read from its container before any pixel is decoded.

Only JPEG and PNG are known. Both functions walk the file's own structure (ITU-T T.81 annex B, PNG 1.2
chapter 3), so that a bomb is refused from its header and a cut-off file is an error and not a picture whose
lower half is grey.
"""

from __future__ import annotations

import zlib

from image_classifier.errors import BadImageError, BadImageReason

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"

START_OF_SCAN = b"\xff\xda"
_END_OF_IMAGE = b"\xff\xd9"
_PNG_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND"))
"""What decides the pixels. The rest (text, profiles, animation) may hold compressed bombs and is not read."""


def image_format(data: bytes) -> str:
    """`JPEG` or `PNG`, by the first bytes.

    Raises:
        BadImageError: `empty`, or `unsupported_format` with what the bytes look like.
    """
    if not data:
        raise BadImageError(BadImageReason.EMPTY, "no bytes")
    if data.startswith(JPEG_SIGNATURE):
        return "JPEG"
    if data.startswith(PNG_SIGNATURE):
        return "PNG"
    if PNG_SIGNATURE.startswith(data) or JPEG_SIGNATURE.startswith(data):
        raise BadImageError(BadImageReason.TRUNCATED, f"only {len(data)} bytes of the signature")
    raise BadImageError(BadImageReason.UNSUPPORTED_FORMAT, f"neither JPEG nor PNG but {_guess(data)}")


def check_jpeg_end(data: bytes) -> None:
    """Refuse a JPEG without an end marker after its last scan.

    Inside a scan 0xFF is always stuffed, so both markers are real wherever they are found; a thumbnail in the
    EXIF block has its own pair, but that lies before the last scan. Bytes after the end are tolerated: phones
    append them.
    """
    if data.rfind(_END_OF_IMAGE) < data.rfind(START_OF_SCAN):
        raise BadImageError(BadImageReason.TRUNCATED, "the JPEG has no end marker")
    if START_OF_SCAN not in data:
        raise BadImageError(BadImageReason.TRUNCATED, "the JPEG has no scan")


def essential_png(data: bytes) -> bytes:
    """The PNG with only the chunks that decide its pixels, every one complete and with a right checksum."""
    kept = [PNG_SIGNATURE]
    position, size = len(PNG_SIGNATURE), len(data)
    while position + 12 <= size:
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 12 + length
        if end > size:
            break
        kind = data[position + 4 : position + 8]
        if kind in _PNG_KEPT:
            if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise BadImageError(BadImageReason.CORRUPT, f"PNG chunk {kind!r} has a wrong checksum")
            kept.append(data[position:end])
        if kind == b"IEND":
            return b"".join(kept)
        position = end
    raise BadImageError(BadImageReason.TRUNCATED, "the PNG has no end chunk")


def _guess(data: bytes) -> str:
    known = {
        b"GIF8": "GIF",
        b"BM": "BMP",
        b"II*\x00": "TIFF",
        b"MM\x00*": "TIFF",
        b"<": "markup (HTML, SVG)",
        b"%PDF": "PDF",
    }
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return "an ISO media file (HEIC, AVIF)"
    for magic, name in known.items():
        if data.lstrip().startswith(magic):
            return name
    return f"bytes that begin with {data[:8].hex()}"
