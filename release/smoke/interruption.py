"""Signals that end a program, held back from what must not be left half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Used with `with`: each signal to end raises KeyboardInterrupt, once, and never within `held_back`."""

    def __init__(self) -> None:
        self._held_back = False
        self._came = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._interrupt) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """A signal that comes meanwhile raises at the end of it."""
        self._held_back = True
        came_before = self._came
        try:
            yield
        finally:
            self._held_back = False
        if self._came and not came_before:
            raise KeyboardInterrupt

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._came:
            return
        self._came = True
        if not self._held_back:
            raise KeyboardInterrupt
