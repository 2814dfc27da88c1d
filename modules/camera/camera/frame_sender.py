"""From bodies to frames on the output: identity, sequence, credits, acknowledgements."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Protocol

from camera import metrics
from camera.encoding import Body
from camera.flow import CreditWindow
from camera.status import Status
from module_kit.frame import Frame
from module_kit.identifiers import new_boot, new_traceparent, timestamp
from module_kit.message import Outgoing

OUTPUT = "frames"
MAXIMUM_LABEL = 64

_log = logging.getLogger(__name__)


class MessageSender(Protocol):
    """What is needed of `module_kit.module.Module`."""

    async def send(self, output: str, message: Outgoing) -> asyncio.Future[None]: ...


class FrameSender:
    """Sends the frames of one source name; another name means another boot.

    Attributes:
        boot: random; what a credit must name.
        last: the frame that was sent last.
    """

    def __init__(
        self, sender: MessageSender, status: Status, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.boot = new_boot()
        self.last: Frame | None = None
        self._sender = sender
        self._status = status
        self._clock = clock
        self._name = ""
        self._sequence = 0
        self._window = CreditWindow()
        self._credited = asyncio.Event()
        self._unacknowledged = 0
        self._all_acknowledged = asyncio.Event()
        self._all_acknowledged.set()

    def begin(self, name: str) -> None:
        """Frames bear `name` from now on; a new name begins a new boot at sequence 0."""
        if name != self._name:
            self._name = name
            self.boot = new_boot()
            self._sequence = 0
            self._window = CreditWindow()

    def credit(self, boot: str, sequence: int) -> None:
        """The classifier has finished every frame of `boot` up to `sequence`."""
        if boot == self.boot and self._window.credit(sequence):
            metrics.OUTSTANDING.set(self._window.outstanding)
            self._credited.set()

    async def wait_for_credit(self) -> None:
        """Return when a frame may go: there is room in the window, or it was given up as lost."""
        while (wait := self._window.wait_s(self._clock())) > 0:
            self._credited.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._credited.wait()
        lost = self._window.give_up_if_due(self._clock())
        if lost:
            self._status.lost += lost
            metrics.FRAMES_LOST.inc(lost)
            _log.warning(
                "no credit for %d frames within %.0f s: counted lost, going on", lost, self._window.patience_s
            )
            self._status.publish()

    async def send(self, body: Body, label: str | None, captured_at: float | None) -> None:
        """Send one frame; returns when it is handed over, which waits while the hub is slow or away."""
        frame = Frame(
            image=body.image,
            content_type=body.format.content_type,
            source=self._name,
            boot=self.boot,
            sequence=self._sequence,
            captured_at=timestamp(captured_at),
            width=body.width,
            height=body.height,
            traceparent=new_traceparent(),
            label=label[:MAXIMUM_LABEL] if label else None,
        )
        window = self._window
        handed_over = await self._sender.send(OUTPUT, frame.encode())
        self._sequence += 1
        self.last = frame
        window.sent(frame.sequence, self._clock())
        metrics.OUTSTANDING.set(window.outstanding)
        self._unacknowledged += 1
        self._all_acknowledged.clear()
        handed_over.add_done_callback(lambda done: self._settled(done, window))

    async def settle(self) -> None:
        """Return when every frame that was sent is acknowledged, or refused for good."""
        await self._all_acknowledged.wait()

    def _settled(self, done: asyncio.Future[None], window: CreditWindow) -> None:
        self._unacknowledged -= 1
        if not self._unacknowledged:
            self._all_acknowledged.set()
        window.acknowledged(self._clock())
        if done.cancelled() or done.exception() is not None:
            self._status.dropped("send_refused")
        else:
            self._status.sent += 1
            metrics.FRAMES_SENT.labels(self._name).inc()
