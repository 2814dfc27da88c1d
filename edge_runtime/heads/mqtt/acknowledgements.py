"""What a client has sent and waits for: PUBACKs after the hub has stored, in the order of arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edge_runtime.heads.mqtt.encoder import encode_puback


class Pending:
    """One received packet; calling it says that it has been dealt with. Further calls do nothing."""

    __slots__ = ("_settle", "done", "packet_id")

    def __init__(self, packet_id: int, settle: Callable[[Pending], None]) -> None:
        self.packet_id = packet_id
        self.done = False
        self._settle = settle

    def __call__(self) -> None:
        if not self.done:
            self.done = True
            self._settle(self)


class Acknowledgements:
    """`send` writes a PUBACK; `settled` is called whenever fewer packets are pending than before.

    `len()` is how many are pending.
    """

    def __init__(self, send: Callable[[bytes], None], settled: Callable[[], None]) -> None:
        self._queue: deque[Pending] = deque()
        self._without_puback = 0
        self._send = send
        self._settled = settled

    def __len__(self) -> int:
        return len(self._queue) + self._without_puback

    def begin(self, packet_id: int) -> Pending:
        """Note a received packet. With `packet_id` 0 it gets no PUBACK, and holds none back."""
        pending = Pending(packet_id, self._settle)
        if packet_id:
            self._queue.append(pending)
        else:
            self._without_puback += 1
        return pending

    def _settle(self, pending: Pending) -> None:
        queue = self._queue
        if not pending.packet_id:
            self._without_puback -= 1
        elif not queue[0].done:
            return
        while queue and queue[0].done:
            self._send(encode_puback(queue.popleft().packet_id))
        self._settled()
