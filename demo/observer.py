"""Client of the observer API and of the control socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

FEED_TYPES = "stored,delivered:iothub,dropped,reported"
"""Of deliveries only what left the device: those to modules are two more documents a frame."""
_MAX_LINE = 4 * 1024 * 1024


class Observer:
    """Reads the feed and snapshots of one runtime; calls direct methods through its control socket.

    Args:
        endpoints: the content of `STATE/endpoints.json`.
    """

    def __init__(self, endpoints: dict[str, Any]) -> None:
        self._url = endpoints["observer"]["url"]
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {endpoints['observer']['token']}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            read_bufsize=_MAX_LINE,
        )
        self._control = aiohttp.ClientSession(connector=aiohttp.UnixConnector(endpoints["control"]))

    async def close(self) -> None:
        await self._http.close()
        await self._control.close()

    async def feed(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Documents as they come, in groups, until the runtime stops. The first is `hello`."""
        rest = b""
        async with self._http.get(f"{self._url}/v1/feed", params={"types": FEED_TYPES}) as response:
            response.raise_for_status()
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                yield [json.loads(line) for line in lines]

    async def snapshot(self) -> dict[str, Any]:
        async with self._http.get(f"{self._url}/v1/snapshot") as response:
            response.raise_for_status()
            return dict(await response.json())

    async def invoke(self, module: str, method: str) -> None:
        """Call a direct method; raises aiohttp.ClientResponseError when it does not answer."""
        body = {"methodName": method, "payload": None, "responseTimeoutInSeconds": 10}
        async with self._control.post(f"http://control/modules/{module}/methods", json=body) as response:
            response.raise_for_status()
