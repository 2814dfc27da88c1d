"""What the modules' self-tests share: packages that import here, and a message that arrives as it was sent."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable

from module_kit.frame import Frame
from module_kit.identifiers import new_boot, new_traceparent, timestamp
from module_kit.message import Outgoing


class SelfTestError(Exception):
    """A part does not do what it must on this machine."""


class Arrived:
    """An encoded message as it would come out of the hub."""

    def __init__(self, message: Outgoing, input_name: str) -> None:
        self.data = message.body
        self.custom_properties: dict[str, str | None] = {**message.properties}
        self.message_id: str | None = message.message_id
        self.content_type: str | None = message.content_type
        self.content_encoding = message.content_encoding
        self.input_name: str | None = input_name
        self.arrived_s = time.perf_counter()


def import_packages(names: Iterable[str]) -> None:
    """Import what a module imports only when it needs it.

    Raises SelfTestError: a package, or a library that it loads, is missing.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise SelfTestError(f"the package {name} cannot be imported: {error}") from error


def frame_of(image: bytes, content_type: str, width: int, height: int) -> Frame:
    """A frame as the camera sends it, after a way through `frame/1` and back.

    Raises MessageError, SelfTestError.
    """
    frame = Frame(
        image=image,
        content_type=content_type,
        source="self-test",
        boot=new_boot(),
        sequence=0,
        captured_at=timestamp(),
        width=width,
        height=height,
        traceparent=new_traceparent(),
    )
    decoded = Frame.decode(Arrived(frame.encode(), "frames"))
    if decoded != frame:
        raise SelfTestError(f"the frame {frame.message_id} arrives as another: {decoded.message_id}")
    return decoded
