"""Asks the runtime how it is, and makes the page's snapshot of the answers."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from edge_runtime.page.json_http import RequestError, RuntimeAwayError
from edge_runtime.page.runtime_client import RuntimeClient
from edge_runtime.page.snapshot import Reading, Snapshots
from edge_runtime.page.usage import Usage, UsageReader

_log = logging.getLogger(__name__)


class Poller:
    """Remembers what rates and shares of the processor need, from one document to the next."""

    def __init__(self, client: RuntimeClient) -> None:
        self._client = client
        self._snapshots = Snapshots(client.endpoints.device)
        self._usage = UsageReader()
        self._asking = asyncio.Lock()
        self._said: str | None = None

    async def document(self) -> dict[str, Any]:
        """The snapshot of now; a hub that does not answer is `down` in it."""
        async with self._asking:
            hub, agent, usage = await asyncio.gather(self._hub(), self._agent(), self._used())
            return self._snapshots.document(Reading(time.monotonic(), hub, agent, usage))

    async def _hub(self) -> dict[str, Any] | None:
        try:
            observed = await self._client.observed()
        except RequestError as error:
            # Away is nothing new: the hub is starting or has ended, and the runtime says so itself.
            if not isinstance(error, RuntimeAwayError) and str(error) != self._said:
                self._said = str(error)
                _log.warning("the hub does not tell how it is: %s", error)
            return None
        self._said = None
        return observed

    async def _agent(self) -> dict[str, Any] | None:
        try:
            return await self._client.twin("$edgeAgent")
        except RequestError:  # not configured yet, or away
            return None

    async def _used(self) -> dict[str, Usage]:
        try:
            text = await self._client.metrics("edgeAgent")
            return {} if text is None else self._usage.take(text)
        except (RequestError, ValueError) as error:
            _log.debug("what the modules use is not known: %s", error)
            return {}
