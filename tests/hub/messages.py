"""Messages for the hub's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.queue_store import QueueStore, Stored

CAMERA = ClientId("edge", "camera")
ENDPOINT = "edge/classifier/frames"


def message(number: int, size: int = 10) -> Message:
    return Message(CAMERA, "frames", {"n": str(number)}, {"messageId": f"m.{number}"}, bytes(size))


def number(stored: Stored) -> int:
    return int(stored.message.app["n"] or -1)


async def append(
    store: QueueStore,
    number: int,
    *,
    priority: int = 0,
    expires: float | None = None,
    endpoint: str = ENDPOINT,
) -> Stored:
    """Store one message and wait until it is durable."""
    done: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()

    def committed(rows: Sequence[Stored]) -> None:
        done.set_result(rows[0])

    store.append([(endpoint, priority, expires)], message(number), committed)
    return await done
