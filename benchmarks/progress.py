"""Stages of a benchmark on standard error: a bar on a terminal, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)


@contextmanager
def stage(what: str) -> Iterator[Callable[[float], None]]:
    """Yields what is to be told the share done, in [0, 1]; prints what the stage took when it is over."""
    began, worked = time.monotonic(), time.process_time()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=1.0)
        yield lambda share: bars.update(task, completed=share)
    took, worked = time.monotonic() - began, time.process_time() - worked
    tell(f"{what}: {took:.1f} s, {worked:.1f} s of processor time")


def tell(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)
