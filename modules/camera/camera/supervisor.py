"""Keeps the wished source running: opens it, opens it again after a failure, changes it when the settings do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from camera.feed import Feed
from camera.frame_sender import FrameSender
from camera.settings import CameraSettings, needs_restart
from camera.sources.opening import open_source
from camera.sources.source import SourceError
from camera.status import State, Status
from module_kit.backoff import Backoff

_log = logging.getLogger(__name__)


class Supervisor:
    """Runs one feed at a time for as long as the module runs.

    Args:
        settings: gives the settings in force.
        backoff: makes the pauses between attempts.
    """

    def __init__(
        self,
        settings: Callable[[], CameraSettings],
        status: Status,
        frames: FrameSender,
        backoff: Callable[[], Backoff] = lambda: Backoff(first_s=1.0, longest_s=30.0),
    ) -> None:
        self._settings = settings
        self._status = status
        self._frames = frames
        self._backoff = backoff
        self._changed = asyncio.Event()

    def settings_changed(self, old: CameraSettings, new: CameraSettings) -> None:
        """For `Module.on_settings`."""
        if needs_restart(old, new):
            self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            feeding = asyncio.create_task(self._keep_feeding(), name="feed")
            changed = asyncio.create_task(self._changed.wait(), name="settings changed")
            try:
                await asyncio.wait([feeding, changed], return_when=asyncio.FIRST_COMPLETED)
                if feeding.done():
                    feeding.result()
                    await changed
            finally:
                for task in (feeding, changed):
                    task.cancel()
                await asyncio.wait([feeding, changed])

    async def _keep_feeding(self) -> None:
        """Feed until the source is at its end; then the state is `finished` and the process stays."""
        settings = self._settings()
        spec, policy = settings.spec, settings.overflow_policy
        self._status.source(spec.masked, settings.name)
        self._status.enter(State.STARTING)
        self._frames.begin(settings.name)
        feed = Feed(
            open_source(spec, settings, policy, self._status),
            policy,
            self._settings,
            self._status,
            self._frames,
        )
        backoff = self._backoff()
        trouble = State.NO_SIGNAL if spec.live else State.FAILED
        taken = 0
        while not await self._fed(feed, trouble, backoff):
            # Once for each loss: a camera that is away for days must not fill the twin's quota.
            if spec.live and feed.taken > taken:
                self._status.enter(State.RECONNECTING)
            taken = feed.taken
        await self._frames.settle()
        self._status.enter(State.FINISHED)

    async def _fed(self, feed: Feed, trouble: State, backoff: Backoff) -> bool:
        """True when the source is at its end; False after a failure and the pause that follows it."""
        taken = feed.taken
        try:
            await feed.run()
        except SourceError as error:
            self._status.enter(trouble, str(error))
        except Exception as error:  # noqa: BLE001
            # No camera, file or library may end the module: what was not foreseen is told and tried again.
            _log.exception("the source failed in a way that was not foreseen")
            self._status.enter(trouble, f"{type(error).__name__}: {error}")
        else:
            return True
        if feed.taken > taken:
            backoff.reset()
        await asyncio.sleep(backoff.next_s())
        return False
