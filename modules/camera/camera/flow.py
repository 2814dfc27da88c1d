"""When the next frame may go: pace, credits, repetitions. Pure: time comes in as an argument."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 64
"""Frames without credit at most (design, "Flow"); the classifier gives credit every 16."""
PATIENCE_S = 15.0
"""A full window that stays without credit for so long is counted lost."""


@dataclass(slots=True)
class Pacer:
    """Keeps a rate without bursts: what a stall cost is not made up for."""

    _due: float | None = None

    def wait_s(self, now: float, fps: float) -> float:
        """Seconds until the next frame is due; 0 when it is. `fps` 0 means no pace."""
        if fps <= 0 or self._due is None:
            return 0.0
        # The rate may have been raised since the last frame.
        return max(0.0, min(self._due - now, 1 / fps))

    def admits(self, now: float, fps: float) -> bool:
        """Whether a picture that comes now is to be sent; a camera's jitter of a quarter frame is allowed."""
        return fps <= 0 or self.wait_s(now, fps) <= 0.25 / fps

    def took(self, now: float, fps: float) -> None:
        """A frame went."""
        if fps <= 0:
            self._due = None
            return
        interval = 1 / fps
        on_time = self._due is not None and abs(now - self._due) < interval
        self._due = (self._due if on_time and self._due is not None else now) + interval


@dataclass(slots=True)
class CreditWindow:
    """How many frames of one boot are on their way, by the cumulative credits that came back.

    Attributes:
        lost: frames for which no credit came in time.
    """

    window: int = WINDOW
    patience_s: float = PATIENCE_S
    lost: int = 0
    _sent: int = -1
    _settled: int = -1
    _full_since: float | None = None

    @property
    def outstanding(self) -> int:
        return self._sent - self._settled

    def sent(self, sequence: int, now: float) -> None:
        """Frame `sequence` went."""
        self._sent = sequence
        if self.outstanding >= self.window:
            self._full_since = now

    def acknowledged(self, now: float) -> None:
        """The hub has stored a frame: patience begins anew, as before that nobody could have given credit."""
        if self._full_since is not None:
            self._full_since = now

    def credit(self, sequence: int) -> bool:
        """Everything up to `sequence` is finished. False for a credit that says nothing new or cannot be."""
        if not self._settled < sequence <= self._sent:
            return False
        self._settled = sequence
        self._full_since = None
        return True

    def wait_s(self, now: float) -> float:
        """Seconds until a frame may go if no credit comes; 0: now."""
        if self.outstanding < self.window or self._full_since is None:
            return 0.0
        return max(0.0, self._full_since + self.patience_s - now)

    def give_up_if_due(self, now: float) -> int:
        """Count the window as lost when it has been full for too long; returns how many frames that are."""
        if self.outstanding < self.window or self.wait_s(now) > 0:
            return 0
        lost = self.outstanding
        self.lost += lost
        self._settled = self._sent
        self._full_since = None
        return lost


@dataclass(slots=True)
class FrozenCheck:
    """Notices a camera that gives the very same picture again and again."""

    count: int = 0
    _last: bytes | None = None

    def saw(self, digest: bytes) -> int:
        """How many times in a row this picture has come by now, the first time included."""
        self.count = self.count + 1 if digest == self._last else 1
        self._last = digest
        return self.count
