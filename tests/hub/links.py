"""Links that behave in one particular way."""

from __future__ import annotations

from collections.abc import Callable

from edge_runtime.hub.message import Message
from edge_runtime.hub.ports import JsonObject


class RecordingLink:
    """Remembers what it was given; confirms only when told to."""

    def __init__(self) -> None:
        self.writable = True
        self.peer = "127.0.0.1:1"
        self.model_id: str | None = None
        self.closed: list[str] = []
        self.sent: list[tuple[str, int, bool]] = []
        self.patches: list[JsonObject] = []
        self.calls: list[tuple[str, str, bytes]] = []
        self.confirmations: list[Callable[[], None]] = []

    def deliver(
        self, input_name: str, message: Message, *, redelivery: bool, acked: Callable[[], None]
    ) -> None:
        self.sent.append((input_name, int(message.app["n"] or -1), redelivery))
        self.confirmations.append(acked)

    def invoke(self, request_id: str, method: str, payload: bytes) -> None:
        self.calls.append((request_id, method, payload))

    def patch_desired(self, patch: JsonObject, version: int) -> None:
        self.patches.append(patch)

    def close(self, reason: str) -> None:
        self.closed.append(reason)

    @property
    def numbers(self) -> list[int]:
        return [number for _, number, _ in self.sent]
