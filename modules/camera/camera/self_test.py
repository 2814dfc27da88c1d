"""`python3 -m camera --self-test`: does this installation encode and decode, and does the source give a picture?"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from camera.encoding import Body, Wish, encode
from camera.picture import Picture, Pixels
from camera.settings import CameraSettings, Format
from camera.sources.opencv import opencv
from camera.sources.opening import open_source
from camera.sources.source import SourceUnavailableError
from camera.status import Status
from module_kit.self_test import SelfTestError, frame_of, import_packages

TIMEOUT_S = 20.0
PACKAGES = ("azure.iot.device", "prometheus_client", "aiomqtt", "numpy", "cv2")
_OWN = Pixels(bytes(range(256)) * 12, 32, 32)


def self_test(settings: CameraSettings) -> str:
    """Encode and decode a picture of our own, then encode one of the configured source.

    Returns one line, raises what is wrong.
    """
    import_packages(PACKAGES)
    own = [encode(_OWN, Wish(format=each)) for each in (Format.PNG, Format.JPEG)]
    for body in own:
        _check_decodes(body)
    picture = asyncio.run(_first_picture(settings))
    body = encode(picture, Wish.of(settings))
    return (
        f"encodes and decodes {' and '.join(body.format.value for body in own)}, OpenCV {opencv().__version__}; "
        f"{settings.spec.masked} gives {body.width}x{body.height} {body.format.value}, {len(body.image)} bytes"
    )


def _check_decodes(body: Body) -> None:
    """Through a frame message, and by the other library: what Pillow wrote OpenCV must read."""
    import numpy as np  # noqa: PLC0415 - the module itself needs it for cameras alone

    frame = frame_of(body.image, body.format.content_type, body.width, body.height)
    decoded = opencv().imdecode(np.frombuffer(frame.image, np.uint8), 1)
    shape = None if decoded is None else decoded.shape
    if shape != (body.height, body.width, 3):
        raise SelfTestError(f"{body.format.value} of {body.width}x{body.height} pixels is decoded as {shape}")


async def _first_picture(settings: CameraSettings) -> Picture:
    status = Status(lambda _: None)
    source = open_source(settings.spec, settings, settings.overflow_policy, status)
    try:
        async with asyncio.timeout(TIMEOUT_S), aclosing(source.pictures()) as pictures:
            async for picture in pictures:
                return picture
    except TimeoutError:
        raise SourceUnavailableError(f"{settings.spec.masked}: no picture within {TIMEOUT_S:g} s") from None
    raise SourceUnavailableError(f"{settings.spec.masked}: gives no picture")
