"""The progress line: a redrawn line on a terminal, plain lines elsewhere, and the time left."""

from __future__ import annotations

import io

from training.checkpoint import Epoch
from training.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(out: io.StringIO, epochs: int, batches: int, seconds_per_batch: float) -> None:
    now = 0.0
    line = ProgressLine(epochs, batches, out, clock=lambda: now)
    for number in range(1, epochs + 1):
        line.start_epoch(number)
        for batch in range(batches):
            now += seconds_per_batch
            line.batch_done(batch, {"loss": 1.25, "accuracy": 0.5})
        line.end_epoch(Epoch(number, 1.25, 0.5, 1.5, 0.4, batches * seconds_per_batch))


def test_elsewhere_a_line_at_each_tenth_of_an_epoch() -> None:
    out = io.StringIO()
    run(out, 2, 20, 3.0)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 * (10 + 1)
    assert lines[0] == "epoch 1/2  10 %  loss 1.2500  accuracy 0.5000  left 1:54"
    assert lines[10] == "epoch 1/2 done  loss 1.2500  accuracy 0.5000  validation 0.4000  60 s"
    assert lines[-2].endswith("left 0:00")


def test_on_a_terminal_one_line_is_redrawn() -> None:
    out = Terminal()
    run(out, 1, 10, 1.0)
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().count("\r\x1b[K") == 3
