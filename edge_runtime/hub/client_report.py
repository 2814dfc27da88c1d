"""What `$edgeHub` reports of the hub's clients (spec D.4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import JsonObject
from edge_runtime.version import VERSION

_ENCODED = re.compile(r"[.$# ]")


class ClientReport:
    """Reports who is connected, when that has changed, and nothing otherwise.

    A module that leaves stays, as disconnected; another device's entry goes with it. Entries of an earlier
    run are removed first.

    Args:
        device_id: the edge device.
        report: merges a patch into the reported properties of `$edgeHub`, or says why that cannot be.
        pace_s: the least time between two reports: clients may come and go quickly.
    """

    def __init__(
        self, device_id: str, report: Callable[[JsonObject], Awaitable[object]], pace_s: float
    ) -> None:
        self._device_id = device_id
        self._report = report
        self._pace_s = pace_s
        self._pending: dict[str, JsonObject | None] = {}
        self._changed = asyncio.Event()

    def connected(self, client: ClientId) -> None:
        self._merge(client, {"status": "Connected", "lastConnectedTimeUtc": _now()})

    def disconnected(self, client: ClientId) -> None:
        if client.module is None and client.device != self._device_id:
            self._pending[encoded(client)] = None
            self._changed.set()
        else:
            self._merge(client, {"status": "Disconnected", "lastDisconnectedTimeUtc": _now()})

    async def run(self) -> None:
        """Until cancelled."""
        version = {"version": VERSION, "build": "", "commit": ""}
        await self._report({"schemaVersion": "1.0", "version": version, "clients": None})
        while True:
            await self._changed.wait()
            self._changed.clear()
            clients, self._pending = self._pending, {}
            await self._report({"clients": clients})
            await asyncio.sleep(self._pace_s)

    def _merge(self, client: ClientId, entry: JsonObject) -> None:
        name = encoded(client)
        self._pending[name] = {**(self._pending.get(name) or {}), **entry}
        self._changed.set()


def encoded(client: ClientId) -> str:
    """The client's name as that of a property: the slash stays, what twins refuse is escaped (spec D.4, G.34).

    >>> encoded(ClientId("edge", "my.module"))
    'edge/my%2Emodule'
    """
    return _ENCODED.sub(lambda found: f"%{ord(found[0]):02X}", str(client))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
