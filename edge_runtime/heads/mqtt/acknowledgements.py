"""PUBACKs of received messages: after the hub has stored them, and in the order of their arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edge_runtime.heads.mqtt.encoder import encode_puback


class Pending:
    """One received publish; calling it says that it has been dealt with. Further calls do nothing."""

    __slots__ = ("_advance", "done", "packet_id")

    def __init__(self, packet_id: int, advance: Callable[[], None]) -> None:
        self.packet_id = packet_id
        self.done = False
        self._advance = advance

    def __call__(self) -> None:
        self.done = True
        self._advance()


class Acknowledgements:
    """`send` writes a PUBACK; `settled` is called whenever fewer publishes are pending than before."""

    def __init__(self, send: Callable[[bytes], None], settled: Callable[[], None]) -> None:
        self._queue: deque[Pending] = deque()
        self._send = send
        self._settled = settled

    def __len__(self) -> int:
        return len(self._queue)

    def begin(self, packet_id: int) -> Pending:
        """Note a received publish; `packet_id` 0 (QoS 0) waits its turn too, but is not acknowledged."""
        pending = Pending(packet_id, self._advance)
        self._queue.append(pending)
        return pending

    def _advance(self) -> None:
        queue = self._queue
        if not queue or not queue[0].done:
            return
        while queue and queue[0].done:
            packet_id = queue.popleft().packet_id
            if packet_id:
                self._send(encode_puback(packet_id))
        self._settled()
