"""What travels through the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Properties = Mapping[str, str | None]


class ClientId(NamedTuple):
    """A device, or a module of a device. `str()` gives `device` or `device/module`, as MQTT's client id.

    A tuple, as are the other small values that are made or hashed for each message: they cost half of a frozen
    data class.
    """

    device: str
    module: str | None = None

    def __str__(self) -> str:
        return self.device if self.module is None else f"{self.device}/{self.module}"


class Message(NamedTuple):
    """One telemetry message, decoded.

    `app` holds application properties, `sys` system properties under edgeHub's internal names
    (`messageId`, `contentType`, `cid`, ...; edge-runtime B.3). A property without a value is None.
    """

    sender: ClientId
    output: str | None
    app: Properties
    sys: Properties
    body: bytes

    def __repr__(self) -> str:
        """Without the body, which may be large and is nobody's business."""
        return (
            f"Message(sender={self.sender!r}, output={self.output!r}, app={self.app!r}, sys={self.sys!r}, "
            f"body of {len(self.body)} bytes)"
        )

    @property
    def source(self) -> str:
        """The path that a route's FROM is compared with (edge-runtime C.2)."""
        return source_of(self.sender.module, self.output)


def source_of(module: str | None, output: str | None) -> str:
    """The source of a module's messages; of a device's for None."""
    if module is None:
        return "/messages/"
    if output is None:
        return f"/messages/modules/{module}/"
    return f"/messages/modules/{module}/outputs/{output}/"
