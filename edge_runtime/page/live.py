"""Follows the runtime for as long as a browser reads, and no longer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from edge_runtime.lasting import keep_running
from edge_runtime.page.feed import BYTES_PER_SECOND, QUERY, TRACES_PER_SECOND, FeedEvents
from edge_runtime.page.json_http import RequestError, RuntimeAwayError
from edge_runtime.page.poller import Poller
from edge_runtime.page.readers import Reader, Readers, event
from edge_runtime.page.runtime_client import RuntimeClient

_log = logging.getLogger(__name__)
VERSION = 1
_PERIOD_S = 1.0
_FEED_PAUSE_S = 0.5


class Live:
    """`open` and `close` readers; `end` when the page ends."""

    def __init__(self, client: RuntimeClient) -> None:
        self._client = client
        self._readers = Readers()
        self._tasks: list[asyncio.Task[None]] = []
        self._latest: dict[str, Any] | None = None
        self._changed = asyncio.Event()

    def open(self) -> Reader:
        """A reader; it is told of what happens from now on. Raises RequestError when there are too many."""
        poller = Poller(self._client)
        reader = self._readers.open()
        if not self._tasks:
            self._tasks = [
                keep_running("The page's snapshots", lambda: self._tell_snapshots(poller)),
                keep_running("The page's feed", self._tell_events),
            ]
        elif self._latest is not None:
            reader.put_snapshot(event("snapshot", self._latest))
        return reader

    async def close(self, reader: Reader) -> None:
        """With the last one nothing is read from the runtime any more."""
        self._readers.close(reader)
        if not self._readers:
            await self._stop()

    async def end(self) -> None:
        """End all streams."""
        self._readers.end()
        await self._stop()

    async def snapshot(self) -> dict[str, Any]:
        """The latest; where nobody reads, one of now, without rates. Raises RuntimeAwayError before the start."""
        return self._latest or await Poller(self._client).document()

    async def hello(self) -> dict[str, Any]:
        """The first document of a stream."""
        snapshot = await self.snapshot()
        return {
            "version": VERSION,
            "device": snapshot["device"],
            "instance": snapshot["instance"],
            "sampling": {"tracesPerSecond": TRACES_PER_SECOND, "bytesPerSecond": BYTES_PER_SECOND},
        }

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        self._latest = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell_snapshots(self, poller: Poller) -> None:
        while True:
            self._latest = await poller.document()
            self._readers.tell_snapshot(self._latest)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PERIOD_S):
                    await self._changed.wait()
            self._changed.clear()

    async def _tell_events(self) -> None:
        events, said = FeedEvents(), ""
        while True:
            try:
                async with contextlib.aclosing(self._client.feed(QUERY)) as feed:
                    await self._tell_feed(feed, events)
            except RuntimeAwayError:
                pass  # the snapshots say so
            except RequestError as error:
                if str(error) != said:
                    said = str(error)
                    _log.warning("the hub does not tell what happens: %s", error)
            await asyncio.sleep(_FEED_PAUSE_S)

    async def _tell_feed(self, feed: AsyncIterator[list[bytes]], events: FeedEvents) -> None:
        """A feed that begins or ends is a hub that does: a snapshot says so at once."""
        try:
            async for lines in feed:
                for line in lines:
                    if events.takes_long(line):
                        told = await asyncio.to_thread(events.event, line)
                    else:
                        told = events.event(line)
                        await asyncio.sleep(0)  # a group has many lines, and the loop is the runtime's
                    if told is None:  # the hub's hello
                        self._changed.set()
                    else:
                        self._readers.tell(*told)
        finally:
            self._changed.set()
