"""Frames as they come out of the SDK: its own `Message` type, with what the hub link adds."""

from __future__ import annotations

import time
from typing import Any

from azure.iot.device import Message

from module_kit.frame import Frame
from module_kit.message import Outgoing

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def frame(image: bytes, sequence: int = 0, **changes: Any) -> Frame:
    facts: dict[str, Any] = {
        "image": image,
        "content_type": "image/png",
        "source": "line-1",
        "boot": "0a1b2c3d",
        "sequence": sequence,
        "captured_at": "2026-01-02T03:04:05.678Z",
        "width": 8,
        "height": 8,
        "traceparent": TRACE,
    }
    return Frame(**facts | changes)


def arriving(outgoing: Outgoing, queued_s: float = 0.0) -> Any:
    """The SDK's message of `outgoing`, as it would arrive on input `frames`, `queued_s` ago."""
    message = Message(
        outgoing.body,
        message_id=outgoing.message_id,
        content_encoding=outgoing.content_encoding,
        content_type=outgoing.content_type,
    )
    message.custom_properties = dict(outgoing.properties)
    message.input_name = "frames"
    message.arrived_s = time.perf_counter() - queued_s
    return message
