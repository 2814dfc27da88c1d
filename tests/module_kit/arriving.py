"""Messages as they come out of the SDK."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from module_kit.message import Outgoing


@dataclass
class Arrived:
    """As the SDK hands it over."""

    data: bytes
    message_id: str | None = "m1"
    content_type: str | None = "application/json"
    content_encoding: str | None = None
    input_name: str | None = "frames"
    arrived_s: float = 0.0
    custom_properties: dict[str, str | None] = field(default_factory=dict)


def arrived(message: Outgoing, **changes: Any) -> Arrived:
    properties: dict[str, str | None] = {**message.properties, "$.cdid": "edge", "$.cmid": "camera"}
    return replace(
        Arrived(message.body, message.message_id, message.content_type, custom_properties=properties),
        **changes,
    )
