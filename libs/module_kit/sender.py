"""Sends in order, a bounded number at a time, and keeps the order across lost connections.

    SendFailed(Exception)   the SDK refuses this message for good (too large, not encodable)

Order holds because `SdkOrderExecutor` keeps it on the way into the SDK, and because nothing new is handed
over while the connection is down or while what was in flight when it went down is not settled: on a
reconnect paho sends its unacknowledged messages again by itself, and a new message must not overtake them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from module_kit.message import Outgoing
from module_kit.metrics import MESSAGES_DROPPED, MESSAGES_SENT, SEND_SECONDS, SENDS_IN_FLIGHT

_log = logging.getLogger(__name__)

WINDOW = 16
"""paho keeps at most 20 publishes in flight; edgeHub stops reading at 16 unacknowledged (spec B.5)."""
_RETRY_S = 0.2
_REFUSALS = 5


class SendFailed(Exception):  # noqa: N818 - what happened, not a programming error
    """The SDK refuses this message for good."""

    def __init__(self, output: str, message_id: str, cause: BaseException) -> None:
        super().__init__(f"message {message_id} on output {output!r} cannot be sent: {cause}")


class Link(Protocol):
    """What the sender needs of the SDK's client."""

    @property
    def connected(self) -> bool: ...

    async def send_message_to_output(self, message: Any, output_name: str) -> None: ...


@dataclass(slots=True, eq=False)
class _Entry:
    number: int
    output: str
    message: Outgoing
    done: asyncio.Future[None]
    sent_at: float = 0.0
    refusals: int = 0


class Sender:
    """A window of at most `window` messages between `send` and the hub's acknowledgement.

    Args:
        link: the SDK's aio client.
        to_sdk: makes the SDK's `Message` of an `Outgoing`.
        window: messages that may wait for their acknowledgement.
    """

    def __init__(self, link: Link, to_sdk: Callable[[Outgoing], Any], window: int = WINDOW) -> None:
        self._link = link
        self._to_sdk = to_sdk
        self._window = window
        self._count = 0
        self._unresolved = 0
        self._turn: deque[asyncio.Future[None]] = deque()
        self._waiting: deque[_Entry] = deque()
        self._failed: list[_Entry] = []
        self._flying: dict[_Entry, asyncio.Task[None]] = {}
        self._open = link.connected
        self._idle = asyncio.Event()
        self._idle.set()
        self._retry: asyncio.TimerHandle | None = None

    @property
    def unacknowledged(self) -> int:
        return self._unresolved

    async def send(self, output: str, message: Outgoing) -> asyncio.Future[None]:
        """Hand over `message`; waits for its turn and for a free place in the window.

        Returns a future that is done when the hub has stored the message, or raises `SendFailed`.
        A connection that is down is waited for: the watchdog decides when that has lasted too long.
        """
        if self._turn or self._unresolved >= self._window:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._turn.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._release()
                else:
                    self._turn.remove(turn)
                raise
        else:
            self._unresolved += 1
        self._idle.clear()
        self._count += 1
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(_retrieve)
        self._waiting.append(_Entry(self._count, output, message, done))
        self._pump()
        return done

    async def drain(self, timeout_s: float) -> int:
        """Wait until everything is acknowledged, at most `timeout_s`. Returns how many are not."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            pass
        return self._unresolved

    def connection_changed(self) -> None:
        """To be called on the loop's thread whenever the link's `connected` may have changed."""
        if not self._link.connected:
            self._open = False
        else:
            self._settle()

    def _pump(self) -> None:
        while self._open and self._waiting:
            if not self._link.connected:
                self._open = False
                return
            entry = self._waiting.popleft()
            entry.sent_at = time.perf_counter()
            # create_task starts tasks in this order, and each reaches the executor in its first step
            self._flying[entry] = asyncio.create_task(self._fly(entry))
        SENDS_IN_FLIGHT.set(len(self._flying))

    async def _fly(self, entry: _Entry) -> None:
        try:
            await self._link.send_message_to_output(self._to_sdk(entry.message), entry.output)
        except (ValueError, TypeError) as error:
            self._refuse(entry, error)
        except Exception as error:  # noqa: BLE001 - the SDK raises many types for "not now"
            self._fail(entry, error)
        else:
            SEND_SECONDS.observe(time.perf_counter() - entry.sent_at)
            MESSAGES_SENT.labels(entry.output).inc()
            if not entry.done.done():
                entry.done.set_result(None)
            self._release()
        finally:
            self._flying.pop(entry, None)
            if not self._open:
                self._settle()
            else:
                self._pump()

    def _fail(self, entry: _Entry, error: Exception) -> None:
        if self._link.connected:
            entry.refusals += 1
        if entry.refusals >= _REFUSALS:
            self._refuse(entry, error)
            return
        _log.info("sending %s again: %s", entry.message.message_id, error)
        self._failed.append(entry)
        self._open = False

    def _refuse(self, entry: _Entry, error: Exception) -> None:
        MESSAGES_DROPPED.labels(f"output {entry.output}", "send_refused").inc()
        _log.error("message %s on output %s given up: %s", entry.message.message_id, entry.output, error)
        if not entry.done.done():
            entry.done.set_exception(SendFailed(entry.output, entry.message.message_id, error))
        self._release()

    def _settle(self) -> None:
        """Open again once nothing is in flight, with what failed in front, in its old order."""
        if self._flying or self._open:
            return
        again = bool(self._failed)
        self._waiting.extendleft(sorted(self._failed, key=lambda entry: -entry.number))
        self._failed.clear()
        if not self._link.connected:
            return  # connection_changed comes when it is back
        if again and self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(_RETRY_S, self._reopen)
        elif self._retry is None:
            self._reopen()

    def _reopen(self) -> None:
        self._retry = None
        if self._link.connected and not self._flying:
            self._open = True
            self._pump()

    def _release(self) -> None:
        while self._turn:
            turn = self._turn.popleft()
            if not turn.done():
                turn.set_result(None)  # the place passes on: the count stays
                return
        self._unresolved -= 1
        if not self._unresolved:
            self._idle.set()


def _retrieve(done: asyncio.Future[None]) -> None:
    """Who does not await the future has the log and the counter: no "exception was never retrieved"."""
    if not done.cancelled():
        done.exception()
