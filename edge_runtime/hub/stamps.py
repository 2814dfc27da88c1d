"""What the hub adds to a message for conditions alone (spec B.3, C.6): nobody behind the hub sees it.

Ids cost, so a message is stamped only while a route asks for a stamp.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from edge_runtime.hub.message import ClientId

_NAMES = ("edgemessageid", "edgehuborigininterface")


def asked_for(routes: Iterable[str]) -> bool:
    """Whether the text of one of the routes names a stamp; names have no case."""
    return any(name in text.casefold() for text in routes for name in _NAMES)


def stamps(sender: ClientId, edge_device: str) -> dict[str, str | None]:
    """A new id of the hub's own, and whether the sender is a module of the edge device or stands beside it."""
    internal = sender.module is not None and sender.device == edge_device
    return {
        "edgeMessageId": str(uuid.uuid4()),
        "edgeHubOriginInterface": "internal" if internal else "downstream",
    }
