"""An HTTP answer in what came over a connection: as much of it as a client that only counts has to know."""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """`stays`: whether its connection can be used again."""

    status: int
    stays: bool


def answer_in(received: bytearray) -> Answer | None:
    """The answer in `received`, once all of it is there. Raises BenchmarkError when it does not tell its length."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[: end + 2]).lower()
    length = _LENGTH.search(head)
    if length is None:
        raise BenchmarkError(f"an answer without Content-Length: {head[:200]!r}")
    if len(received) < end + 4 + int(length[1]):
        return None
    return Answer(int(head[9:12]), b"\r\nconnection: close\r\n" not in head)
