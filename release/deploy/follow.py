"""Follow devices until they are well with their deployment, one has failed, or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from release.deploy.content import AGENT
from release.deploy.outcome import HubUnreachableError
from release.deploy.verdict import DeviceVerdict, Health

Verdicts = Mapping[str, DeviceVerdict]


class Ending(Enum):
    """How it ended."""

    GOOD = "good"
    FAILED = "failed"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. All must be good for `settle_s` without a break; trouble may last for `patience_s`."""

    timeout_s: float = 600.0
    settle_s: float = 15.0
    patience_s: float = 60.0
    poll_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Followed:
    """`reasons`: for people, one line each."""

    ending: Ending
    verdicts: Verdicts
    reasons: tuple[str, ...]
    elapsed_s: float


class Progress(Protocol):
    """Where it is shown."""

    def show(self, verdicts: Verdicts, elapsed_s: float, note: str) -> None:
        """`note`: what there is to say beside the verdicts."""


@dataclass(slots=True)
class Follower:
    """`look` reads the twins of all devices and judges them."""

    pace: Pace
    progress: Progress
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _trouble_since: dict[tuple[str, str], float] = field(default_factory=dict)

    def follow(self, look: Callable[[], Verdicts]) -> Followed:
        """Returns at the end; raises what `look` raises but HubUnreachableError, which may pass."""
        began = self.clock()
        good_since: float | None = None
        verdicts: Verdicts = {}
        self._trouble_since.clear()
        while True:
            note = ""
            try:
                verdicts = look()
                seen = True
            except HubUnreachableError as error:
                note, seen = str(error), False
            now = self.clock()
            elapsed = now - began
            if seen:
                failed = self._failed(verdicts, now)
                if failed:
                    self.progress.show(verdicts, elapsed, note)
                    return Followed(Ending.FAILED, verdicts, failed, elapsed)
                well = all(verdict.health is Health.GOOD for verdict in verdicts.values())
                good_since = (now if good_since is None else good_since) if well else None
                if good_since is not None:
                    left = self.pace.settle_s - (now - good_since)
                    if left <= 0:
                        self.progress.show(verdicts, elapsed, note)
                        return Followed(Ending.GOOD, verdicts, (), elapsed)
                    note = f"all is well; watching for another {left:.0f} s"
            self.progress.show(verdicts, elapsed, note)
            if elapsed >= self.pace.timeout_s:
                return Followed(Ending.LATE, verdicts, _late(verdicts, note), elapsed)
            self.sleep(self.pace.poll_s)

    def _failed(self, verdicts: Verdicts, now: float) -> tuple[str, ...]:
        reasons = []
        troubled = set()
        for device, verdict in verdicts.items():
            for one in verdict.unwell():
                if one.health is Health.TROUBLE:
                    key = (device, one.name)
                    troubled.add(key)
                    if now - self._trouble_since.setdefault(key, now) < self.pace.patience_s:
                        continue
                elif one.health is not Health.FAILED:
                    continue
                reasons.append(_reason(verdicts, device, one.name, one.text))
        self._trouble_since = {key: at for key, at in self._trouble_since.items() if key in troubled}
        return _without_repetition(reasons)


def _late(verdicts: Verdicts, note: str) -> tuple[str, ...]:
    unwell = [
        _reason(verdicts, device, one.name, one.text)
        for device, verdict in verdicts.items()
        for one in verdict.unwell()
    ]
    return _without_repetition([*unwell, note] if note else unwell)


def _without_repetition(reasons: list[str]) -> tuple[str, ...]:
    """The agent repeats what is said of its modules."""
    return tuple(one for one in reasons if AGENT not in one) or tuple(reasons)


def _reason(verdicts: Verdicts, device: str, name: str, text: str) -> str:
    return f"{device}: {name}: {text}" if len(verdicts) > 1 else f"{name}: {text}"
