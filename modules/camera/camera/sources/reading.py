"""Blocking readers beside the event loop.

Pictures are fetched a few at a time, so that small files cost one change of thread for many.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator

from camera.picture import ImageFile, Picture

BATCH_PICTURES = 16
BATCH_BYTES = 1024 * 1024
IDLE_S = 0.25

Reader = Generator[Picture | None, None, None]
"""Gives pictures; None means: nothing just now, ask again."""
StartReader = Callable[[threading.Event], Reader]
"""Begins reading. The event is set when nobody wants more; a reader that waits for long looks at it."""


async def read_beside(start: StartReader) -> AsyncGenerator[Picture, None]:
    """The pictures of a blocking reader, read in a worker thread."""
    stop = threading.Event()
    batch = _Batch(start(stop), stop)
    try:
        while not batch.ended:
            for picture in await asyncio.to_thread(batch.take):
                yield picture
            if batch.idle:
                await asyncio.sleep(IDLE_S)
    finally:
        stop.set()
        batch.close_if_idle()


class _Batch:
    """Takes from a reader in a thread, and closes it there when the loop has lost interest meanwhile."""

    def __init__(self, reader: Reader, stop: threading.Event) -> None:
        self.ended = False
        self.idle = False
        self._reader = reader
        self._stop = stop
        self._busy = threading.Lock()
        self._error: Exception | None = None

    def take(self) -> list[Picture]:
        """The next few. An error comes after the pictures before it."""
        with self._busy:
            pictures = [] if self._error else list(self._some())
            if self._stop.is_set():
                self._reader.close()
            if self._error and not pictures:
                raise self._error
            return pictures

    def _some(self) -> Iterator[Picture]:
        count = size = 0
        self.idle = False
        while count < BATCH_PICTURES and size < BATCH_BYTES and not self._stop.is_set():
            try:
                picture = next(self._reader)
            except StopIteration:
                self.ended = True
                return
            except Exception as error:  # noqa: BLE001 - raised by `take`
                self._error = error
                return
            if picture is None:
                self.idle = True
                return
            yield picture
            count += 1
            size += len(picture.body if isinstance(picture, ImageFile) else picture.rgb)

    def close_if_idle(self) -> None:
        # A generator that runs in the worker cannot be closed from here; `take` does it when it returns.
        if self._busy.acquire(blocking=False):
            try:
                self._reader.close()
            finally:
                self._busy.release()
