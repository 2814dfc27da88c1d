"""`cifar10:PATH`: a split of the official data set in file order, each picture with its true class."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from pathlib import Path

from camera.picture import Picture
from camera.sources.cifar10_download import Download, fetch
from camera.sources.cifar10_layout import Split, find
from camera.sources.cifar10_records import class_names, records
from camera.sources.reading import Reader, read_beside
from camera.sources.source import SourceEvents


class Cifar10Source:
    """Raw 32x32 pixels of one split; from `place` on disk, or downloaded first."""

    live = False
    repeats = True
    natural_fps = None

    def __init__(self, place: Path | Download, split: Split, events: SourceEvents) -> None:
        self._place = place
        self._split = split
        self._events = events

    def pictures(self) -> AsyncGenerator[Picture, None]:
        return read_beside(self._read)

    def _read(self, stop: threading.Event) -> Reader:
        place = self._place
        data = find(fetch(place, self._events, stop) if isinstance(place, Download) else place)
        names = class_names(data)
        for batch in data.layout.batches(self._split):
            yield from records(data, batch, names)
