"""The capture thread, against a device with faults (there is no camera where the tests run)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import numpy as np
import pytest

from camera.picture import Picture, Pixels
from camera.sources.capture import CaptureSource
from camera.sources.source import SourceUnavailableError
from module_kit.inbox import Inbox, Overflow
from tests.camera.fakes import Events, take
from tests.patience import PATIENCE_S


class Device:
    """As `cv2.VideoCapture`: `frames` pictures of rising brightness, then a fault."""

    def __init__(self, frames: int, fault: Callable[[], tuple[bool, object]], pause_s: float = 0.0) -> None:
        self.released = threading.Event()
        self._left, self._fault, self._pause_s = frames, fault, pause_s

    def read(self) -> tuple[bool, object]:
        time.sleep(self._pause_s)
        if not self._left:
            return self._fault()
        self._left -= 1
        image = np.zeros((4, 6, 3), np.uint8)
        image[:] = (30, 20, self._left)  # blue, green, red
        return True, image

    def release(self) -> None:
        self.released.set()


def source_of(
    device: Device, overflow: Overflow = Overflow.WAIT, events: Events | None = None
) -> CaptureSource:
    def inbox() -> Inbox[Picture]:
        capacity = 1 if overflow is Overflow.DROP_OLDEST else 16
        return Inbox("test", capacity, overflow, on_drop=lambda *_: (events or Events()).dropped("overflow"))

    return CaptureSource("camera:0", lambda: device, inbox)


async def test_blue_comes_last() -> None:
    device = Device(1, lambda: (False, None))
    (picture,) = await take(source_of(device), 1)
    assert isinstance(picture, Pixels)
    assert (picture.width, picture.height, picture.rgb[:3]) == (6, 4, bytes([0, 20, 30]))
    assert device.released.wait(PATIENCE_S)


async def test_an_unplugged_camera_is_told_and_let_go() -> None:
    device = Device(3, lambda: (False, None))
    with pytest.raises(SourceUnavailableError, match="ended or went silent"):
        await take(source_of(device))
    assert device.released.is_set()


async def test_a_driver_that_raises_does_not_end_the_module() -> None:
    def fail() -> tuple[bool, object]:
        raise OSError("No such device")

    with pytest.raises(SourceUnavailableError, match="OSError: No such device"):
        await take(source_of(Device(1, fail)))


async def test_a_read_that_hangs_holds_nobody_up() -> None:
    hang = threading.Event()
    device = Device(1, lambda: (hang.wait(PATIENCE_S), None))
    with pytest.raises(TimeoutError):
        await take(source_of(device), timeout_s=0.3)
    assert not device.released.is_set()
    hang.set()
    assert await asyncio.to_thread(device.released.wait, PATIENCE_S), (
        "let go as soon as the driver comes back"
    )


async def test_only_the_newest_waits() -> None:
    events = Events()
    device = Device(250, lambda: (False, None), pause_s=0.01)
    async with aclosing(source_of(device, Overflow.DROP_OLDEST, events).pictures()) as pictures:
        await anext(pictures)
        async with asyncio.timeout(PATIENCE_S):
            while events.drops["overflow"] < 10:
                await asyncio.sleep(0.005)
        newest = await anext(pictures)
    assert isinstance(newest, Pixels)
    assert newest.rgb[0] < 240, "brightness falls with each frame"


async def test_a_camera_that_must_wait_waits() -> None:
    events = Events()
    taken: list[Picture] = []
    async with aclosing(
        source_of(Device(40, lambda: (False, None)), Overflow.WAIT, events).pictures()
    ) as pictures:
        with pytest.raises(SourceUnavailableError):
            await take_slowly(pictures, taken)
    assert len(taken) == 40
    assert not events.drops


async def take_slowly(pictures: AsyncGenerator[Picture, None], into: list[Picture]) -> None:
    async for picture in pictures:
        into.append(picture)
        await asyncio.sleep(0.002)
