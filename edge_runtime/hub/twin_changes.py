"""Changes of reported properties as messages, which routes may take (spec C.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime

from edge_runtime.hub.message import ClientId, Message, Properties
from edge_runtime.hub.ports import JsonObject, Link, NotReadyError

SOURCE = "/twinChangeNotifications/"
MOST_WAITING = 256
"""Notifications that may wait for room in the store; beyond that reports are not taken."""
_KIND = "twinChangeNotification"


class TwinChange(Message):
    """A message of `$edgeHub` about another client's report; on its way out it bears the reporter's ids."""

    __slots__ = ()

    @property
    def source(self) -> str:
        return SOURCE


def told_of(reporter: ClientId) -> bool:
    """Whether a report of this client becomes a message; not those of the system modules.

    They report what happens in the hub, such messages included: one would follow the other for ever.
    """
    return reporter.module is None or not reporter.module.startswith("$")


def is_one(sys: Properties) -> bool:
    """Whether these system properties are of a notification."""
    return (sys.get("connectionModuleId"), sys.get("messageType")) == ("$edgeHub", _KIND)


def twin_change(edge_device: str, reporter: ClientId, patch: JsonObject) -> TwinChange:
    """The patch as it came is the body."""
    system: dict[str, str | None] = {
        "connectionDeviceId": edge_device,
        "connectionModuleId": "$edgeHub",
        "rpSenderDeviceId": reporter.device,
        "messageType": _KIND,
        "messageSchema": _KIND,
        "enqueuedTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if reporter.module is not None:
        system["rpSenderModuleId"] = reporter.module
    body = json.dumps(patch, separators=(",", ":")).encode()
    return TwinChange(ClientId(edge_device, "$edgeHub"), None, {}, system, body)


Route = Callable[[Message, Callable[[], None], Callable[[], Link | None]], None]
"""Stores a message in the queues of its routes, then calls the second; the third gives its sender's connection."""


class TwinChanges:
    """Tells of reports. `device_id` is the edge device."""

    def __init__(self, device_id: str, route: Route) -> None:
        self._device_id = device_id
        self._route = route
        self._waiting = 0

    def check(self) -> None:
        """Raises NotReadyError when too many notifications wait for room in the store."""
        if self._waiting >= MOST_WAITING:
            raise NotReadyError("the store has no room for more twin change notifications")

    def tell(self, reporter: ClientId, patch: JsonObject) -> asyncio.Future[None]:
        """On its way to the disk at once; done when it is stored, or dropped because no route took it."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting += 1

        def stored() -> None:
            self._waiting -= 1
            if not told.done():
                told.set_result(None)

        # It belongs to no connection: the report is durable, so the news of it outlives its reporter's.
        self._route(twin_change(self._device_id, reporter, patch), stored, lambda: None)
        return told
