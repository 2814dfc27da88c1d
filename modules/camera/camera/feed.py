"""One source's way to the output: when the next picture is taken, what becomes of it, when it is over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from hashlib import blake2b

from camera import metrics
from camera.encoding import BadPictureError, Body, Wish, encode, is_quick
from camera.flow import FrozenCheck, Pacer
from camera.frame_sender import FrameSender
from camera.picture import Picture
from camera.settings import CameraSettings
from camera.sources.played import PlayedSource
from camera.sources.source import Source, SourceSilentError, SourceUnavailableError
from camera.status import State, Status
from module_kit.inbox import Overflow
from module_kit.sparse_log import SparseLog

SLICE_S = 0.5
"""Waits are cut into slices, so that a pause or another rate acts at once."""
FIRST_PICTURE = 2.5
"""The first picture may take so many times longer: connecting, waiting for a whole picture of a
stream. That it is missing is reported after the usual time."""

_log = logging.getLogger(__name__)


class Feed:
    """Takes pictures from one source and sends frames. `run` may be called again after a `SourceError`.

    Attributes:
        taken: pictures that the source has given.
    """

    def __init__(
        self,
        source: Source,
        policy: Overflow,
        settings: Callable[[], CameraSettings],
        status: Status,
        frames: FrameSender,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.taken = 0
        self._what = settings().spec.masked
        self._camera = source.live
        self._policy = policy
        self._settings = settings
        self._status = status
        self._frames = frames
        self._clock = clock
        self._pacer = Pacer()
        self._frozen = FrozenCheck()
        self._problems = SparseLog(_log, "pictures")
        self._sent = 0
        self._position = 0
        self._source = source
        if policy is Overflow.DROP_OLDEST and not source.live:
            self._source = PlayedSource(source, self._pace_player, status)

    async def run(self) -> None:
        """Send frames until the source, or the number of frames, is at its end. Raises `SourceError`."""
        while not self._complete:
            before = self._sent
            async with aclosing(self._source.pictures()) as pictures:
                await self._pass_over(pictures)
                await self._one_pass(pictures)
            self._position = 0
            if self._camera and not self._complete:
                raise SourceUnavailableError(f"{self._what}: the stream ended")
            if not self._settings().loop:
                return
            if self._sent == before:
                raise SourceUnavailableError(f"{self._what}: nothing in it can be sent")

    @property
    def _complete(self) -> bool:
        frames = self._settings().frames
        return bool(frames) and self._sent >= frames

    @property
    def _fps(self) -> float:
        """Frames per second at most, 0 for no pace."""
        wanted = self._settings().fps
        return wanted if wanted is not None else self._source.natural_fps or 0.0

    async def _pass_over(self, pictures: AsyncGenerator[Picture, None]) -> None:
        if self._source.repeats:
            for _ in range(self._position):
                if await anext(pictures, None) is None:
                    return

    async def _one_pass(self, pictures: AsyncGenerator[Picture, None]) -> None:
        patience = FIRST_PICTURE
        while not self._complete:
            if not self._source.live:
                await self._turn()
            picture = await self._next(pictures, patience)
            if picture is None:
                return
            patience = 1.0
            self.taken += 1
            self._position += 1
            if self._status.state is not State.FROZEN:
                self._status.enter(State.RUNNING)
            if not self._source.live or self._wanted():
                await self._send(picture)

    async def _turn(self) -> None:
        """Wait until a file's next frame may go."""
        await self._status.resumed.wait()
        await self._frames.wait_for_credit()
        await self._pace()

    async def _next(self, pictures: AsyncGenerator[Picture, None], patience: float) -> Picture | None:
        if not self._camera:
            return await anext(pictures, None)
        limit = self._settings().silence_seconds
        missing = asyncio.get_running_loop().call_later(limit, self._report_missing, limit)
        try:
            async with asyncio.timeout(limit * patience):
                return await anext(pictures, None)
        except TimeoutError:
            raise SourceSilentError(self._silent(limit)) from None
        finally:
            missing.cancel()

    def _report_missing(self, limit_s: float) -> None:
        if self._status.state is not State.NO_SIGNAL:
            self._status.enter(State.NO_SIGNAL, self._silent(limit_s))

    def _silent(self, limit_s: float) -> str:
        return f"{self._what}: no picture for more than {limit_s:g} s"

    def _wanted(self) -> bool:
        """Whether a picture that comes now is to be sent."""
        if not self._status.resumed.is_set():
            self._status.dropped("paused")
            return False
        if not isinstance(self._source, PlayedSource) and not self._pacer.admits(self._clock(), self._fps):
            self._status.dropped("fps")
            return False
        return True

    async def _send(self, picture: Picture) -> None:
        body = await self._encoded(picture)
        if body is None:
            return
        if self._camera:
            self._look_for_frozen(body)
            if self._policy is Overflow.WAIT:
                await self._frames.wait_for_credit()
        if not isinstance(self._source, PlayedSource):
            self._pacer.took(self._clock(), self._fps)
        await self._frames.send(body, picture.label, picture.captured_at)
        self._sent += 1

    async def _encoded(self, picture: Picture) -> Body | None:
        wish = Wish.of(self._settings())
        try:
            if is_quick(picture, wish):
                return encode(picture, wish)
            return await asyncio.to_thread(encode, picture, wish)
        except BadPictureError as error:
            self._status.dropped(error.reason)
            self._problems.warning(f"{self._what}: picture left out: {error}")
            return None

    def _look_for_frozen(self, body: Body) -> None:
        limit = self._settings().frozen_after
        if not limit:
            return
        if self._frozen.saw(blake2b(body.image, digest_size=16).digest()) >= limit:
            metrics.FRAMES_FROZEN.inc()
            self._status.frozen += 1
            self._status.enter(State.FROZEN)
        elif self._status.state is State.FROZEN:
            self._status.enter(State.RUNNING)

    async def _pace_player(self) -> None:
        await self._pace()
        self._pacer.took(self._clock(), self._fps)

    async def _pace(self) -> None:
        while (wait := self._pacer.wait_s(self._clock(), self._fps)) > 0:  # noqa: ASYNC110 - the rate may change
            await asyncio.sleep(min(wait, SLICE_S))
        await self._status.resumed.wait()
