"""Long builds on standard error: one line that moves on a terminal, a line for each step elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from release.images.engine import OnStep

_WIDEST_STEP = 100


@contextmanager
def steps(console: Console, what: str) -> Iterator[OnStep]:
    """Yields what is to be told each step."""
    with _bar(console, what) if console.is_terminal else _lines(console, what) as on_step:
        yield on_step


@contextmanager
def _bar(console: Console, what: str) -> Iterator[OnStep]:
    columns = (
        TextColumn("{task.description}", markup=False),
        *(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def on_step(number: int, total: int, text: str) -> None:
            width = max(10, console.width - len(what) - 50)
            bars.update(
                task,
                completed=number - 1,
                total=total,
                description=f"{what}  {' '.join(text.split())[:width]}",
            )

        yield on_step


@contextmanager
def _lines(console: Console, what: str) -> Iterator[OnStep]:
    def on_step(number: int, total: int, text: str) -> None:
        tell(console)(f"{what}: {number}/{total} {' '.join(text.split())[:_WIDEST_STEP]}")

    yield on_step


def tell(console: Console) -> Callable[[str], None]:
    """Print a line as it is."""
    return lambda line: console.print(line, markup=False, soft_wrap=True)
