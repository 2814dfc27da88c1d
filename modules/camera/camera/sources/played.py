"""A file played as if it were a camera: it goes on at its pace whether its frames can be sent or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from camera.picture import Picture
from camera.sources.source import Source, SourceEvents
from module_kit.inbox import Inbox, InboxClosed, Overflow


class PlayedSource:
    """`source` under `DROP_OLDEST`.

    Args:
        pace: awaits the moment of the next picture.
    """

    live = True
    repeats = False

    def __init__(self, source: Source, pace: Callable[[], Awaitable[None]], events: SourceEvents) -> None:
        self._source = source
        self._pace = pace
        self._events = events

    @property
    def natural_fps(self) -> float | None:
        return self._source.natural_fps

    async def pictures(self) -> AsyncGenerator[Picture, None]:
        inbox: Inbox[Picture] = Inbox(
            "played", 1, Overflow.DROP_OLDEST, on_drop=lambda *_: self._events.dropped("overflow")
        )
        player = asyncio.create_task(self._play(inbox), name="player")
        try:
            while True:
                yield await inbox.get()
        except InboxClosed:
            await player
        finally:
            player.cancel()

    async def _play(self, inbox: Inbox[Picture]) -> None:
        try:
            async with aclosing(self._source.pictures()) as pictures:
                await self._pace()
                async for picture in pictures:
                    inbox.put(replace(picture, captured_at=time.time()))
                    await self._pace()
        finally:
            inbox.close()
