"""What senders were acknowledged against what the receiver got, as both wrote it down."""

from __future__ import annotations

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arrival:
    """One line of the receiver's ledger; `at` by the monotonic clock, which all processes share.

    `copy` tells apart what the sender itself sent more than once, because its acknowledgement was lost: the number
    of the attempt, and `d` when its MQTT client sent that one again.
    """

    track: str
    sequence: int
    message_id: str
    at: float = field(default=0.0, compare=False)
    copy: str = "1"


@dataclass(slots=True)
class Comparison:
    """`replays` counts deliveries after the first, `most` those of the message that came most often."""

    arrived: int = 0

    missing: list[tuple[str, int]] = field(default_factory=list)
    out_of_order: list[Arrival] = field(default_factory=list)
    other_ids: list[Arrival] = field(default_factory=list)
    replays: int = 0
    most: int = 0


def compare(acknowledged: Iterable[tuple[str, int]], arrived: Iterable[Arrival]) -> Comparison:
    """A message may arrive without having been acknowledged; never the other way round."""
    result = Comparison()
    newest: dict[str, int] = defaultdict(lambda: -1)
    ids: dict[tuple[str, int], str] = {}
    times: Counter[tuple[str, int]] = Counter()
    for arrival in arrived:
        key = (arrival.track, arrival.sequence)
        times[key] += 1
        if key in ids:
            result.replays += 1
            if ids[key] != arrival.message_id:
                result.other_ids.append(arrival)
            continue
        ids[key] = arrival.message_id
        if arrival.sequence < newest[arrival.track]:
            result.out_of_order.append(arrival)
        newest[arrival.track] = max(newest[arrival.track], arrival.sequence)
    result.arrived = len(ids)
    result.most = max(times.values(), default=0)
    result.missing = sorted(set(acknowledged) - ids.keys())
    return result


def replays_after(arrivals: Iterable[Arrival], kills: Sequence[int]) -> list[int]:
    """How many messages the hub delivered again after each kill; `kills` are numbers of arrivals before one."""
    seen: set[tuple[str, int, str]] = set()
    again: list[set[tuple[str, int, str]]] = [set() for _ in range(len(kills) + 1)]
    for number, arrival in enumerate(arrivals):
        key = (arrival.track, arrival.sequence, arrival.copy)
        if key in seen:
            again[bisect(kills, number)].add(key)
        seen.add(key)
    return [len(keys) for keys in again[1:]]


def read_acknowledged(path: Path, offset: int = 0) -> list[tuple[str, int]]:
    """Track and number; from the byte `offset` on, where a line begins."""
    return [(track, int(sequence)) for track, sequence, *_ in _lines(path, offset)]


def read_arrivals(path: Path, offset: int = 0) -> list[Arrival]:
    """From the byte `offset` on, where a line begins."""
    return [
        Arrival(track, int(sequence), message_id, float(at), copy)
        for track, sequence, message_id, at, copy in _lines(path, offset)
    ]


def _lines(path: Path, offset: int = 0) -> Iterable[list[str]]:
    text = path.read_bytes()[offset:].decode() if path.exists() else ""
    # A line without its end is still being written.
    return (line.split() for line in text.splitlines(keepends=True) if line.endswith("\n"))
