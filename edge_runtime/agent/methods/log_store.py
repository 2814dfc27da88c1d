"""All logs of a device: those of the modules, from their engine, and those of the runtime itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path

from edge_runtime.agent.engine import Engine, EngineError, LogLine
from edge_runtime.agent.log_files import file_lines
from edge_runtime.agent.methods.arguments import LogFilter, LogItem
from edge_runtime.agent.methods.errors import MethodFailedError
from edge_runtime.agent.methods.patterns import search
from edge_runtime.agent.methods.records import Record, records

ALL_MODULES = "all"
_BATCH = 10_000
"""Lines that are searched at once: a search is a process."""


class LogStore:
    """`modules` gives the names of the engine's modules, `system` the files of edgeAgent and edgeHub."""

    def __init__(
        self, engine: Engine, modules: Callable[[], Iterable[str]], system: Mapping[str, Path]
    ) -> None:
        self._engine = engine
        self._modules = modules
        self._system = system

    @property
    def system_names(self) -> list[str]:
        """Those of the runtime itself."""
        return sorted(self._system)

    def names(self) -> list[str]:
        """All that have a log, in order. Call it in the event loop's thread."""
        return sorted({*self._modules(), *self._system})

    def read(self, name: str, wanted: LogFilter) -> Iterator[Record]:
        """The lines that the filter leaves, oldest first, no more of them held than must be. Blocks.

        Raises BadArgumentError, MethodFailedError.
        """
        lines = records(self._lines(name, wanted.since))
        passing = (record for record in lines if _passes(record, wanted))
        if wanted.regex is not None:
            passing = _matching(passing, wanted.regex)
        try:
            yield from passing if wanted.tail is None else deque(passing, wanted.tail)
        except (EngineError, OSError) as error:
            raise MethodFailedError(f"the log of {name} cannot be read: {error}") from error

    def _lines(self, name: str, since: datetime | None) -> Iterator[LogLine]:
        file = self._system.get(name)
        return self._engine.log_lines(name, since) if file is None else file_lines(file, since)


def select(items: Iterable[LogItem], names: list[str]) -> dict[str, LogFilter]:
    """The filter for each module that an item names; the first item that names it counts. Blocks.

    Raises BadArgumentError.
    """
    chosen: dict[str, LogFilter] = {}
    for item in items:
        everything = item.id.lower() in {ALL_MODULES, ".*"}
        hits = [True] * len(names) if everything else search(item.id, names, ignore_case=True)
        for name, hit in zip(names, hits, strict=True):
            if hit:
                chosen.setdefault(name, item.filter)
    return chosen


def _matching(found: Iterator[Record], pattern: str) -> Generator[Record]:
    while batch := list(islice(found, _BATCH)):
        hits = search(pattern, [record.text for record in batch])
        yield from (record for record, hit in zip(batch, hits, strict=True) if hit)


def _passes(record: Record, wanted: LogFilter) -> bool:
    if wanted.loglevel is not None and record.level > wanted.loglevel:
        return False
    # Nobody knows when a line without any time was written: better one too many than one too few.
    if record.at is None:
        return True
    return (wanted.since is None or record.at >= wanted.since) and (
        wanted.until is None or record.at <= wanted.until
    )
