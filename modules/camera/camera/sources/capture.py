"""`camera:N` and `rtsp://...`: a thread of its own reads the device, so that a device that hangs, hangs alone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from camera.picture import Picture
from camera.sources.opencv import OPEN_TIMEOUT_S, READ_TIMEOUT_S, opencv, pixels
from camera.sources.source import SourceError, SourceUnavailableError
from module_kit.inbox import Inbox, InboxClosed

OpenCapture = Callable[[], Any]
"""Gives a `cv2.VideoCapture`; blocks; raises `SourceUnavailableError`."""


class CaptureSource:
    """Every frame that the device gives, decoded.

    Args:
        what: for messages: `camera:0`, the masked URL.
        open_capture: opens the device.
        inbox: makes the bounded queue between the thread and the loop.
    """

    live = True
    repeats = False
    natural_fps = None

    def __init__(self, what: str, open_capture: OpenCapture, inbox: Callable[[], Inbox[Picture]]) -> None:
        self._what = what
        self._open = open_capture
        self._inbox = inbox

    async def pictures(self) -> AsyncGenerator[Picture, None]:
        reader = _Reader(self._what, self._open, self._inbox())
        thread = threading.Thread(target=reader.run, name="capture", daemon=True)
        thread.start()
        try:
            while True:
                yield await reader.inbox.get()
        except InboxClosed:
            raise reader.error or SourceUnavailableError(f"{self._what}: stopped") from None
        finally:
            # Not joined: a read that hangs ends by OpenCV's own time limit, and puts nothing any more.
            reader.stopped = True
            reader.inbox.close()


class _Reader:
    """The thread's side."""

    def __init__(self, what: str, open_capture: OpenCapture, inbox: Inbox[Picture]) -> None:
        self.inbox = inbox
        self.error: SourceError | None = None
        self.stopped = False
        self._what = what
        self._open = open_capture

    def run(self) -> None:
        try:
            with contextlib.suppress(InboxClosed):
                self._read()
        except SourceError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - a driver may raise anything; the feed reports it
            self.error = SourceUnavailableError(f"{self._what}: {type(error).__name__}: {error}")
        finally:
            self.inbox.close()

    def _read(self) -> None:
        capture = self._open()
        try:
            while not self.stopped:
                there, image = capture.read()
                if not there:
                    raise SourceUnavailableError(f"{self._what}: the stream ended or went silent")
                self.inbox.put(pixels(image, captured_at=time.time()))
        finally:
            capture.release()


def open_device(number: int, width: int | None, height: int | None) -> Any:
    """The camera `/dev/videoN`."""
    cv2 = opencv()
    capture = cv2.VideoCapture(number, cv2.CAP_V4L2)
    if not capture.isOpened():
        raise SourceUnavailableError(
            f"camera:{number}: cannot be opened (is /dev/video{number} there, passed to the container, not in"
            " use by another program, and readable by this user?)"
        )
    for option, value in ((cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FRAME_HEIGHT, height)):
        if value:
            capture.set(option, value)
    # The driver's queue would hold frames of a moment ago.
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture


def open_stream(url: str, masked: str, diagnose: Callable[[str], str]) -> Any:
    """The stream at `url`; `diagnose` is asked why when it cannot be opened."""
    cv2 = opencv()
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        int(OPEN_TIMEOUT_S * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        int(READ_TIMEOUT_S * 1000),
    ]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise SourceUnavailableError(f"{masked}: {diagnose(url)}")
    return capture
