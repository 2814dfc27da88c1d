"""Takes the way to the cloud away from the hub, and gives it back: what store and forward does can be watched."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence

from edge_runtime.hub.devicebound import Devicebound, DeviceboundSource
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.upstream_delivery import Upstream, UpstreamError

logger = logging.getLogger(__name__)


class UpstreamSwitch:
    """While it is off every way that leads through it is out of reach. It is on when the hub starts."""

    def __init__(self) -> None:
        self._on = True
        self._under_way: set[asyncio.Timeout] = set()

    @property
    def on(self) -> bool:
        return self._on

    def turn(self, *, on: bool) -> None:
        """Turned off, what is under way ends as with a cable that is cut: it may have arrived all the same."""
        if on == self._on:
            return
        self._on = on
        logger.warning("Upstream: switched %s by the control API", "on" if on else "off")
        if not on:
            cut, self._under_way = self._under_way, set()
            now = asyncio.get_running_loop().time()
            for passage in cut:
                passage.reschedule(now)

    @contextlib.asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Raises UpstreamError, at its begin or at any time within."""
        if not self._on:
            raise _SwitchedOffError
        try:
            async with asyncio.timeout(None) as passage:
                self._under_way.add(passage)
                try:
                    yield
                finally:
                    self._under_way.discard(passage)
        except TimeoutError:
            if passage.expired():
                raise _SwitchedOffError from None
            raise


class _SwitchedOffError(UpstreamError):
    def __init__(self) -> None:
        super().__init__("the local IoT Hub is switched off")


class SwitchedUpstream:
    """Implements `Upstream`."""

    def __init__(self, upstream: Upstream, switch: UpstreamSwitch) -> None:
        self._upstream = upstream
        self._switch = switch

    async def send(self, batch: Sequence[Stored]) -> Mapping[int, str]:
        async with self._switch.passage():
            return await self._upstream.send(batch)


class SwitchedSource:
    """Implements `DeviceboundSource`."""

    def __init__(self, source: DeviceboundSource, switch: UpstreamSwitch) -> None:
        self._source = source
        self._switch = switch

    async def receive(self, device: str) -> Devicebound | None:
        async with self._switch.passage():
            return await self._source.receive(device)

    async def complete(self, device: str, sequence: int) -> None:
        async with self._switch.passage():
            await self._source.complete(device, sequence)
