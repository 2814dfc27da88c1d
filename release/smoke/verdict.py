"""What arrived against what had to arrive. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from release.smoke.arrival import Arrival
from release.smoke.known import KnownPicture


class Outcome(Enum):
    """Of one known picture."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One known picture, and what came for it (None: nothing)."""

    picture: KnownPicture
    arrival: Arrival | None

    @property
    def outcome(self) -> Outcome:
        if self.arrival is None:
            return Outcome.MISSING
        return Outcome.RIGHT if self.arrival.label == self.picture.label else Outcome.WRONG


class Tally:
    """Collects arrivals of one run, in any order; a second delivery of a picture changes nothing."""

    def __init__(self, pictures: Iterable[KnownPicture], source: str) -> None:
        self._pictures = {picture.sha256: picture for picture in pictures}
        self._source = source
        self._arrived: dict[str, Arrival] = {}
        self._other = 0

    def take(self, arrival: Arrival) -> None:
        if arrival.source != self._source:
            return
        if arrival.sha256 in self._pictures:
            self._arrived.setdefault(arrival.sha256, arrival)
        else:
            self._other += 1

    @property
    def arrived(self) -> int:
        """Known pictures for which something has come."""
        return len(self._arrived)

    @property
    def others(self) -> int:
        """Pictures of this run that are none of the known ones."""
        return self._other

    @property
    def complete(self) -> bool:
        return len(self._arrived) == len(self._pictures)

    @property
    def models(self) -> tuple[str, ...]:
        """That answered."""
        return tuple(sorted({arrival.model for arrival in self._arrived.values()}))

    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(
            Verdict(picture, self._arrived.get(sha256)) for sha256, picture in self._pictures.items()
        )


def counts(verdicts: Iterable[Verdict]) -> Mapping[Outcome, int]:
    """How many of each, all three named."""
    found = dict.fromkeys(Outcome, 0)
    for verdict in verdicts:
        found[verdict.outcome] += 1
    return found
