"""A worker that some pictures kill, as a decoder's fault or the kernel's out-of-memory killer would."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection

from image_classifier.batch import workers
from image_classifier.batch.entries import Entry
from image_classifier.batch.reading import PictureReader
from image_classifier.bundle import Bundle
from image_classifier.preprocess import Picture

TRUE_WORK = workers._work


class DeadlyReader(PictureReader):
    def read(self, entry: Entry) -> tuple[Picture, int | None]:
        if entry.detail == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(entry)


def work(pipe: Connection, bundle: Bundle) -> None:
    setattr(workers, "PictureReader", DeadlyReader)  # noqa: B010 - the name that the worker's code looks up
    TRUE_WORK(pipe, bundle)


def die(_pipe: Connection, _bundle: Bundle) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
