"""Documents of the hub's feed as events of the page's stream. Pure."""

from __future__ import annotations

import itertools
import json
from typing import Any

from edge_runtime.page.masking import masked

TRACES_PER_SECOND = 5
BYTES_PER_SECOND = 1_000_000
# A sample of all, and beside it what goes upstream: the hub bounds both.
QUERY = {
    "types": "stored,stored:iothub,delivered,delivered:iothub,dropped,reported,connected,disconnected",
    "sample": str(TRACES_PER_SECOND),
    "sampleBytes": str(BYTES_PER_SECOND),
}
_LONG = 4096
_PASSED = frozenset({"delivered", "dropped", "connected", "disconnected", "gap"})


class FeedEvents:
    """Numbers the messages, from 1, for as long as somebody reads."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def takes_long(self, line: bytes) -> bool:
        """Whether `event` is to be called on a thread: what is masked takes a millisecond for each KiB."""
        return len(line) > _LONG and line.startswith(b'{"type":"reported"')

    def event(self, line: bytes) -> tuple[str, dict[str, Any]] | None:
        """Type and document; None for a line that says nothing to a page. Raises ValueError for what is no JSON."""
        document: dict[str, Any] = json.loads(line)
        kind = document.pop("type")
        if kind == "stored":
            return "message", {"number": next(self._numbers), **document}
        if kind == "reported":
            return kind, {**document, "patch": masked(document["patch"])}
        return (kind, document) if kind in _PASSED else None
