"""What the camera tells of itself: its state, the last error, counts."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from prometheus_client import Enum

from camera import metrics

_log = logging.getLogger(__name__)


class State(StrEnum):
    """Reported as `state`."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    FROZEN = "frozen"
    NO_SIGNAL = "no_signal"
    RECONNECTING = "reconnecting"
    FINISHED = "finished"
    FAILED = "failed"


_STATE_NOW = Enum(
    "camera_state", "1 for the state that the camera is in.", states=[state.value for state in State]
)
_PAUSABLE = frozenset({State.RUNNING, State.FROZEN})


class Status:
    """Keeps the state and reports it when it changes; counts go along.

    Attributes:
        sent: frames that the hub has stored.
        lost: frames for which no credit came in time.
        frozen: frames that repeat the one before for too long.
        resumed: set unless paused.

    Args:
        report: takes the reported properties; called on the loop's thread.
    """

    def __init__(self, report: Callable[[Mapping[str, Any]], None]) -> None:
        self._report = report
        self._state = State.STARTING
        self._loop = asyncio.get_running_loop()
        self._told = False
        self._error: str | None = None
        self._source = ""
        self._name = ""
        self._progress: str | None = None
        self._drops: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.sent = 0
        self.lost = 0
        self.frozen = 0
        self.resumed = asyncio.Event()
        self.resumed.set()

    @property
    def state(self) -> State:
        paused = not self.resumed.is_set() and self._state in _PAUSABLE
        return State.PAUSED if paused else self._state

    def source(self, masked: str, name: str) -> None:
        """Another source begins."""
        self._source, self._name = masked, name

    def enter(self, state: State, error: str | None = None) -> None:
        """The state is `state` now. An error stays readable as `lastError` until the next one."""
        self._progress = None
        if error is not None:
            self._error = error
            metrics.SOURCE_FAILURES.labels(state.value).inc()
            _log.warning("source %s: %s: %s", self._name, state, error)
        if state is self._state and error is None and self._told:
            return
        if error is None:
            _log.info("source %s: %s", self._name, state)
        self._state = state
        self.publish()

    def pause(self) -> None:
        """No frames until `resume`."""
        if self.resumed.is_set():
            _log.info("paused")
            self.resumed.clear()
            self.publish()

    def resume(self) -> None:
        if not self.resumed.is_set():
            _log.info("resumed")
            self.resumed.set()
            self.publish()

    def dropped(self, reason: str) -> None:
        """From any thread: one picture did not become a frame."""
        with self._lock:
            self._drops[reason] += 1
        metrics.DROPPED.labels(reason).inc()

    def progress(self, text: str) -> None:
        """From any thread: reported as `camera/progress` until the state changes."""
        _log.info("source %s: %s", self._name, text)
        self._progress = text
        self._loop.call_soon_threadsafe(self.publish)

    @property
    def drops(self) -> dict[str, int]:
        with self._lock:
            return dict(self._drops)

    def publish(self) -> None:
        """Report everything now."""
        self._told = True
        _STATE_NOW.state(self.state.value)
        self._report(
            {
                "state": self.state.value,
                "lastError": self._error,
                "camera": {"source": self._source, "name": self._name, "progress": self._progress},
                "frameCounts": {
                    "sent": self.sent,
                    "withoutCredit": self.lost,
                    "frozen": self.frozen,
                    "dropped": self.drops,
                },
            }
        )
