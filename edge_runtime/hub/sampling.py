"""Which messages a reader of the feed sees that wants a sample: whole traces, a few of them a second."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, overload

from edge_runtime.hub.message import ClientId, Message

MOST_TRACES = 512
MOST_DOCUMENTS = 16
MOST_BODY_BYTES = 256 * 1024
NAMED_PER_SECOND = 50
"""How many documents of each `type:endpoint` a second come beside the sample."""
REPORTED_PER_SECOND = 20
REPORTED_BYTES_PER_SECOND = 64 * 1024
MOST_REPORTED_BYTES = 16 * 1024
"""Of documents about reported properties: what a sample has at most of them, and how long one may be."""
_SECOND = 1_000_000_000
_FOLLOWS = 30 * _SECOND
_MOST_FOLLOWERS = 256
_MOST_ID_CHARACTERS = 128
# W3C Trace Context: version, trace id (not all zeros), parent id, flags. Later versions may say more behind them.
_match_traceparent = re.compile(
    r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:\Z|-)"
).match

Source = tuple[ClientId, str | None]


class Sampling(NamedTuple):
    """What a reader asked for: new traces a second, and bytes of bodies a second."""

    traces_per_second: int
    bytes_per_second: int


@overload
def trace_of(message: Message, sequence: int) -> str: ...
@overload
def trace_of(message: Message, sequence: int | None) -> str | None: ...
def trace_of(message: Message, sequence: int | None) -> str | None:
    """What the messages that came of one have in common.

    The trace id of `traceparent`; without a valid one the message id; without one the message's number in the
    store (`#17`), None when it has none.
    """
    traceparent = message.app.get("traceparent")
    if traceparent is not None and (found := _match_traceparent(traceparent)) is not None:
        return found[1]
    message_id = message.sys.get("messageId")
    if message_id and len(message_id) <= _MOST_ID_CHARACTERS:
        return message_id
    return None if sequence is None else f"#{sequence}"


class Bucket:
    """A token bucket that holds what comes in a second; `clock` tells nanoseconds."""

    __slots__ = ("_clock", "_empty_at", "_per_second")

    def __init__(self, per_second: int, clock: Callable[[], int]) -> None:
        self._per_second = per_second
        self._clock = clock
        self._empty_at = clock() - _SECOND

    def has(self, amount: int) -> bool:
        """`amount` is at most what comes in a second."""
        return (self._clock() - self._empty_at) * self._per_second >= amount * _SECOND

    def take(self, amount: int) -> bool:
        """False, and nothing is taken, when there is less."""
        if not self.has(amount):
            return False
        if amount:
            self._empty_at = (
                max(self._empty_at, self._clock() - _SECOND) + amount * _SECOND // self._per_second
            )
        return True


@dataclass(slots=True)
class _Trace:
    began: Source
    documents: int


class Sampler:
    """Decides for one reader.

    A trace is to begin with its first message, the frame, not with the prediction made of it. Nobody remembers
    the traces that were left out, but a source whose messages continued a sampled trace lately is known to answer
    others: its messages begin none. Of two that answer each other one can still begin: only what continued the
    trace of a source that does not answer others counts.
    """

    def __init__(self, sampling: Sampling, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._sampling = sampling
        self._clock = clock
        self._new = Bucket(sampling.traces_per_second, clock)
        self._strays = Bucket(sampling.traces_per_second, clock)
        self._bytes = Bucket(sampling.bytes_per_second, clock)
        self._reported = Bucket(REPORTED_PER_SECOND, clock)
        self._reported_bytes = Bucket(REPORTED_BYTES_PER_SECOND, clock)
        self._named: dict[str, Bucket] = {}
        self._traces: dict[str, _Trace] = {}
        self._followers: dict[Source, int] = {}

    def stored(self, trace: str, source: Source) -> bool:
        """Whether a stored message is in the sample: of a trace that is in it, or the begin of one."""
        known = self._traces.get(trace)
        if known is not None and known.documents < MOST_DOCUMENTS:
            known.documents += 1
            if source != known.began and not self._follows(known.began):
                self._note_follower(source)
            return True
        if not self._new.has(1) or self._follows(source):
            return False
        self._new.take(1)
        self._begin(trace, source if known is None else known.began)
        return True

    def continues(self, trace: str | None) -> bool:
        """Whether what happened to a message is in the sample: of a trace that is in it."""
        known = None if trace is None else self._traces.get(trace)
        if known is None or known.documents >= MOST_DOCUMENTS:
            return False
        known.documents += 1
        return True

    def dropped(self, trace: str | None) -> bool:
        """As `continues`, and beside the sample as many drops a second as there are new traces."""
        return self.continues(trace) or self._strays.take(1)

    def named(self, name: str) -> bool:
        """Whether a document that was asked for as `type:endpoint` may come beside the sample."""
        bucket = self._named.get(name)
        if bucket is None:
            bucket = self._named[name] = Bucket(NAMED_PER_SECOND, self._clock)
        return bucket.take(1)

    def reported(self, size: int) -> bool:
        """Whether a document of so many bytes about reported properties may come: not as many as a module likes."""
        return (
            size <= MOST_REPORTED_BYTES
            and self._reported.has(1)
            and self._reported_bytes.take(size)
            and self._reported.take(1)
        )

    def omits(self, size: int) -> str | None:
        """Why a body of so many bytes is left out; None, and it counts, when it is not."""
        if size > min(MOST_BODY_BYTES, self._sampling.bytes_per_second):
            return "too_large"
        return None if self._bytes.take(size) else "sample_bytes"

    def _begin(self, trace: str, source: Source) -> None:
        """Also that of a trace whose documents are used up, for a module may never begin another."""
        self._traces.pop(trace, None)
        if len(self._traces) >= MOST_TRACES:
            del self._traces[next(iter(self._traces))]
        self._traces[trace] = _Trace(source, 1)

    def _note_follower(self, source: Source) -> None:
        if source not in self._followers and len(self._followers) >= _MOST_FOLLOWERS:
            del self._followers[next(iter(self._followers))]
        self._followers[source] = self._clock()

    def _follows(self, source: Source) -> bool:
        since = self._followers.get(source)
        return since is not None and self._clock() - since < _FOLLOWS
