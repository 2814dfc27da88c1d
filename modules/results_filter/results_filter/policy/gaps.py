"""Completeness of streams, from the `sequence` that each source counts per boot."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_MAXIMUM_SOURCES = 64


@dataclass(slots=True)
class Stream:
    """Counts of one source over a period."""

    boot: str
    expected: int = 0
    received: int = 0
    missing: int = 0
    out_of_order: int = 0
    boots: int = 1


class Gaps:
    """Counts what never came.

    A boot begins at 0, so its first number is a gap already when it is above 0. A number below the expected
    one came late: it was counted as missing and is not any more. Numbers lost at the very end of a boot cannot
    be known. Messages delivered twice must not come here.

    Attributes:
        missing: numbers of all sources that have not come, since the start.
    """

    def __init__(self) -> None:
        self.missing = 0
        self._streams: OrderedDict[str, Stream] = OrderedDict()

    def observe(self, source: str, boot: str, sequence: int) -> None:
        stream = self._streams.get(source)
        if stream is None:
            stream = self._streams[source] = Stream(boot)
            if len(self._streams) > _MAXIMUM_SOURCES:
                self._streams.popitem(last=False)
        elif stream.boot != boot:
            stream.boot, stream.expected = boot, 0
            stream.boots += 1
        self._streams.move_to_end(source)
        stream.received += 1
        if sequence >= stream.expected:
            stream.missing += sequence - stream.expected
            self.missing += sequence - stream.expected
            stream.expected = sequence + 1
        else:
            stream.out_of_order += 1
            stream.missing = max(0, stream.missing - 1)
            self.missing = max(0, self.missing - 1)

    def period(self) -> dict[str, Stream]:
        """The counts since the last `clear`, by source."""
        return dict(self._streams)

    def clear(self) -> None:
        """Begin a new period; where the streams stand is kept."""
        for source, stream in self._streams.items():
            self._streams[source] = Stream(stream.boot, stream.expected, boots=0)
