"""All logs of a device: those of the modules, from their engine, and those of the runtime itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from edge_runtime.agent.engine import Engine, EngineError, LogLine
from edge_runtime.agent.log_files import file_lines
from edge_runtime.agent.methods.arguments import LogFilter, LogItem
from edge_runtime.agent.methods.errors import MethodFailedError
from edge_runtime.agent.methods.patterns import search
from edge_runtime.agent.methods.records import Record, records

ALL_MODULES = "all"


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

    def read(self, name: str, wanted: LogFilter) -> list[Record]:
        """The lines that the filter leaves, oldest first. Blocks. Raises BadArgumentError, MethodFailedError."""
        try:
            passing = (
                record for record in records(self._lines(name, wanted.since)) if _passes(record, wanted)
            )
            # Of a long log only what is asked for is held.
            found = list(deque(passing, wanted.tail if wanted.regex is None else None))
        except (EngineError, OSError) as error:
            raise MethodFailedError(f"the log of {name} cannot be read: {error}") from error
        if wanted.regex is not None:
            hits = search(wanted.regex, [record.text for record in found])
            found = [record for record, hit in zip(found, hits, strict=True) if hit]
        return found if wanted.tail is None else found[max(0, len(found) - wanted.tail) :]

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


def _passes(record: Record, wanted: LogFilter) -> bool:
    if wanted.loglevel is not None and record.level > wanted.loglevel:
        return False
    # Nobody knows when a line without any time was written: better one too many than one too few.
    if record.at is None:
        return True
    return (wanted.since is None or record.at >= wanted.since) and (
        wanted.until is None or record.at <= wanted.until
    )
