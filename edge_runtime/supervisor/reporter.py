"""Writes `$edgeAgent`'s reported properties as they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from edge_runtime.hub.twin_rules import difference
from edge_runtime.supervisor.control_client import ControlClient, ControlError, HubUnreachableError

_log = logging.getLogger(__name__)
_RETRY_S = 1.0
_PACE_S = 0.2


class Reporter:
    """Sends the difference to what the hub holds. While the hub is away changes add up."""

    def __init__(self, client: ControlClient, document: Callable[[], dict[str, Any]]) -> None:
        self._client = client
        self._document = document
        self._changed = asyncio.Event()
        self._held: dict[str, Any] | None = None

    def changed(self) -> None:
        """The document is another than before."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self.flush():
                self._changed.set()
                await asyncio.sleep(_RETRY_S)
            await asyncio.sleep(_PACE_S)

    async def flush(self) -> bool:
        """Send now what has changed; False when the hub did not take it."""
        new = self._document()
        try:
            if self._held is None:
                self._held = (await asyncio.to_thread(self._client.twin, "$edgeAgent"))["reported"]
            patch = difference(self._held, new)
            if patch:
                await asyncio.to_thread(self._client.patch_reported, "$edgeAgent", patch)
        except HubUnreachableError:
            self._held = None
            return False
        except ControlError as error:
            _log.warning("the hub refused $edgeAgent's reported properties: %s", error)
            self._held = None
            return error.status < 500
        self._held = new
        return True
