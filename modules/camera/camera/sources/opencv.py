"""OpenCV, imported once and only by the sources that need it (it costs some 40 MB)."""

from __future__ import annotations

import os
import threading
from types import ModuleType
from typing import Any

from camera.picture import Pixels

OPEN_TIMEOUT_S = 7.0
"""What opening a stream may take: FFmpeg waits for a whole picture, which some cameras send every few seconds."""
READ_TIMEOUT_S = 4.0
"""What one frame may take."""

_importing = threading.Lock()


def opencv() -> ModuleType:
    """The `cv2` module. RTSP runs over TCP; OpenCV and FFmpeg keep silent, as they would log URLs whole."""
    with _importing:
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
        os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        import cv2  # noqa: PLC0415

        # The capture takes one core at most: the classifier needs the others.
        cv2.setNumThreads(1)
        return cv2


def pixels(image: Any, captured_at: float | None = None) -> Pixels:
    """The picture in `image`: uint8 (height, width, 3), blue first, as OpenCV gives it."""
    cv2 = opencv()
    height, width = image.shape[:2]
    return Pixels(cv2.cvtColor(image, cv2.COLOR_BGR2RGB).tobytes(), width, height, captured_at=captured_at)
