"""`python3 -m camera --self-test`: does this installation encode, and does the source give a picture?"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from camera.encoding import Wish, encode
from camera.picture import Picture, Pixels
from camera.settings import CameraSettings
from camera.sources.opening import open_source
from camera.sources.source import SourceUnavailableError
from camera.status import Status

TIMEOUT_S = 20.0


def self_test(settings: CameraSettings) -> str:
    """Encode a picture of our own, then one of the configured source. Returns one line, raises what is wrong."""
    own = encode(Pixels(bytes(range(256)) * 12, 32, 32), Wish())
    picture = asyncio.run(_first_picture(settings))
    body = encode(picture, Wish.of(settings))
    return (
        f"encodes {own.format.value}; {settings.spec.masked} gives {body.width}x{body.height} "
        f"{body.format.value}, {len(body.image)} bytes"
    )


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
