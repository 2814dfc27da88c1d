"""Which message ids have been seen, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict


class RecentIds:
    """The last `capacity` different ids. edgeHub delivers again when an acknowledgement is late (spec B.4)."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._ids: OrderedDict[str, None] = OrderedDict()

    def seen(self, message_id: str) -> bool:
        """Whether `message_id` is among the last; it is now."""
        if message_id in self._ids:
            self._ids.move_to_end(message_id)
            return True
        self._ids[message_id] = None
        self._trim()
        return False

    def resize(self, capacity: int) -> None:
        self._capacity = capacity
        self._trim()

    def _trim(self) -> None:
        while len(self._ids) > self._capacity:
            self._ids.popitem(last=False)
