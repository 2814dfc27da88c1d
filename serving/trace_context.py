"""W3C Trace Context: which trace a request belongs to, for logs, answers and problem bodies."""

from __future__ import annotations

import random
import re
from contextvars import ContextVar
from dataclasses import dataclass

# https://www.w3.org/TR/trace-context/#traceparent-header; a later version may have more fields behind.
_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Trace:
    """`trace_id`: 32 hex digits, the caller's if it sent one; `span_id`: 16, ours; `flags`: 2, the caller's."""

    trace_id: str
    span_id: str
    flags: str

    @property
    def header(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


CURRENT: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(traceparent: str | None) -> Trace:
    """The trace of a request that came with this header; a header that is not valid starts a new one."""
    span_id = f"{random.getrandbits(64) or 1:016x}"
    found = _HEADER.fullmatch(traceparent) if traceparent else None
    if found:
        version, trace_id, parent, flags, more = found.groups()
        known = version != "ff" and not (version == "00" and more)
        if known and int(trace_id, 16) and int(parent, 16):
            return Trace(trace_id, span_id, flags)
    return Trace(f"{random.getrandbits(128) or 1:032x}", span_id, "00")
