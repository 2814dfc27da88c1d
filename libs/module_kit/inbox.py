"""A bounded queue with a named overflow policy, fed from any thread, read by one task."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class Overflow(Enum):
    """What a full inbox does."""

    WAIT = "wait"
    DROP_OLDEST = "drop_oldest"


class Inbox(Generic[T]):
    """Bounded inbox. `put` works from any thread; under WAIT it blocks a thread (never the loop's)."""

    def __init__(self, name: str, capacity: int, overflow: Overflow) -> None: ...

    def put(self, item: T) -> None:
        """From any thread. Full: DROP_OLDEST drops the oldest and counts it; WAIT blocks the calling thread."""

    async def put_async(self, item: T) -> None:
        """From the reader's loop. As `put`, but WAIT awaits."""

    async def get(self) -> T:
        """The oldest item. Raises `InboxClosed` when closed and empty."""
        raise NotImplementedError

    def close(self) -> None:
        """No more items: `put` raises `InboxClosed`; `get` gives what is left, then raises it."""
