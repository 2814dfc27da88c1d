"""Progress of a training run on one line: epoch, loss, accuracy, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from training.checkpoint import Epoch


class ProgressLine:
    """Redraws one line on a terminal; elsewhere prints a line at each tenth of an epoch."""

    def __init__(
        self,
        epochs: int,
        batches: int,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._epochs = epochs
        self._batches = batches
        self._out = out or sys.stdout
        self._clock = clock
        self._terminal = self._out.isatty()
        self._epoch = 0
        self._batches_seen = 0
        self._began: float | None = None

    def start_epoch(self, number: int) -> None:
        self._epoch = number
        self._began = self._began if self._began is not None else self._clock()

    def batch_done(self, batch: int, logs: Mapping[str, float]) -> None:
        """Keras's `on_batch_end`: `batch` counts from 0, `logs` are means over the epoch so far."""
        self._batches_seen += 1
        done = batch + 1
        step = 5 if self._terminal else max(1, self._batches // 10)
        if done % step and done != self._batches:
            return
        text = (
            f"epoch {self._epoch}/{self._epochs} {100 * done // self._batches:3d} %  "
            f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  left {self._left(done)}"
        )
        self._out.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._out.flush()

    def end_epoch(self, epoch: Epoch) -> None:
        text = (
            f"epoch {epoch.number}/{self._epochs} done  loss {epoch.loss:.4f}  "
            f"accuracy {epoch.accuracy:.4f}  "
            f"validation {epoch.validation_accuracy:.4f}  {epoch.seconds:.0f} s"
        )
        self._out.write(f"\r\x1b[K{text}\n" if self._terminal else f"{text}\n")
        self._out.flush()

    def _left(self, done_in_epoch: int) -> str:
        """Time left at the pace of this sitting, as minutes and seconds."""
        began = self._began if self._began is not None else self._clock()
        per_batch = (self._clock() - began) / max(1, self._batches_seen)
        batches = (self._epochs - self._epoch + 1) * self._batches - done_in_epoch
        minutes, seconds = divmod(round(per_batch * batches), 60)
        return f"{minutes}:{seconds:02d}"
