"""One line on a terminal that tells how far a long command is and how long the rest takes."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self, TextIO

_REDRAW_S = 0.2
_BAR = 24


class ProgressLine:
    """A context manager; shows nothing where `out` is no terminal."""

    def __init__(self, out: TextIO, total: int = 0) -> None:
        self._out = out
        self._shown = out.isatty()
        self._total = total
        self._began = self._drawn = time.monotonic()
        self._before: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")

    def show(self, done: int, total: int | None = None) -> None:
        """`done` pictures are; the first call's were before this run began, and say nothing of its pace."""
        now = time.monotonic()
        self._total = self._total if total is None else total
        if self._before is None:
            self._before, self._began = done, now
        if now - self._drawn >= _REDRAW_S and done > self._before:
            self._drawn = now
            left = round((now - self._began) / (done - self._before) * (self._total - done))
            share = done / self._total
            bar = ("#" * round(share * _BAR)).ljust(_BAR, ".")
            self._write(
                f"[{bar}] {done:,} of {self._total:,} pictures, {int(100 * share)} %, left {left // 60}:{left % 60:02d}"
            )

    def _write(self, text: str) -> None:
        if self._shown:
            self._out.write(f"\r\x1b[K{text}")
            self._out.flush()
