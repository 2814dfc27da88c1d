"""`video:PATH`: the frames of a video file."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from pathlib import Path

from camera.picture import Picture
from camera.sources.opencv import opencv, pixels
from camera.sources.reading import Reader, read_beside
from camera.sources.source import SourceEvents, SourceUnavailableError

MAXIMUM_FPS = 240


class VideoSource:
    """Frame after frame; plays at the file's own pace unless the settings say otherwise."""

    live = False
    repeats = True

    def __init__(self, file: Path, events: SourceEvents) -> None:
        self._file = file
        self._events = events
        self._fps: float | None = None

    @property
    def natural_fps(self) -> float | None:
        return self._fps

    def pictures(self) -> AsyncGenerator[Picture, None]:
        return read_beside(self._read)

    def _read(self, stop: threading.Event) -> Reader:
        self._check()
        cv2 = opencv()
        capture = cv2.VideoCapture(str(self._file.resolve()), cv2.CAP_FFMPEG)
        try:
            fps = float(capture.get(cv2.CAP_PROP_FPS)) if capture.isOpened() else 0.0
            self._fps = fps if 0 < fps <= MAXIMUM_FPS else None
            promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            given = 0
            while not stop.is_set():
                there, image = capture.read()
                if not there:
                    break
                given += 1
                yield pixels(image)
            else:
                return
        finally:
            capture.release()
        if not given:
            raise SourceUnavailableError(f"video {self._file}: no frame in it can be decoded")
        for _ in range(given, promised - 1):  # containers often count one frame too many
            self._events.dropped("undecodable")

    def _check(self) -> None:
        try:
            with self._file.open("rb"):
                pass
        except FileNotFoundError:
            raise SourceUnavailableError(
                f"video {self._file}: does not exist (in a container: is it mounted?)"
            ) from None
        except OSError as error:
            raise SourceUnavailableError(f"video {self._file}: {error.strerror}") from None
        if not self._file.is_file():
            raise SourceUnavailableError(f"video {self._file}: is not a file")
