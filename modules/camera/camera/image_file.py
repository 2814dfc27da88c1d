"""What can be told from an image file's bytes without decoding it."""

from __future__ import annotations

from enum import StrEnum

JPEG_START = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xae\x42\x60\x82"


class ImageFormat(StrEnum):
    """The formats that may travel; the values are Pillow's names."""

    JPEG = "JPEG"
    PNG = "PNG"

    @property
    def content_type(self) -> str:
        return f"image/{self.value.lower()}"


def sniff(body: bytes) -> ImageFormat | None:
    """The format by the file's first bytes; None when it is neither JPEG nor PNG."""
    if body.startswith(JPEG_START):
        return ImageFormat.JPEG
    if body.startswith(PNG_START):
        return ImageFormat.PNG
    return None


def ends_well(body: bytes) -> bool:
    """Whether the file's very last bytes are its format's trailer."""
    return body.endswith(PNG_END if sniff(body) is ImageFormat.PNG else JPEG_END)


def has_trailer(body: bytes) -> bool:
    """Whether a trailer is there at all; some cameras append data of their own behind it."""
    return (PNG_END if sniff(body) is ImageFormat.PNG else JPEG_END) in body
