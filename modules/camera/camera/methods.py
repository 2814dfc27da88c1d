"""Direct methods: `pause`, `resume`, `snapshot`."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import Any

from camera.encoding import Wish, encode
from camera.frame_sender import FrameSender
from camera.picture import ImageFile
from camera.settings import Format
from camera.status import Status
from module_kit.frame import Frame
from module_kit.methods import MethodError

SNAPSHOT_BYTES = 90 * 1024
"""A direct method's answer holds at most 128 KiB, and base64 takes a third more."""
_SMALLER = Wish(format=Format.JPEG, limit=SNAPSHOT_BYTES)


class CameraMethods:
    """What operators may call."""

    def __init__(self, status: Status, frames: FrameSender) -> None:
        self._status = status
        self._frames = frames

    async def pause(self, _payload: Any) -> dict[str, str]:
        """Send no frames until `resume`; a live source's pictures are left out meanwhile."""
        self._status.pause()
        return {"state": self._status.state.value}

    async def resume(self, _payload: Any) -> dict[str, str]:
        self._status.resume()
        return {"state": self._status.state.value}

    async def snapshot(self, _payload: Any) -> dict[str, Any]:
        """The frame that was sent last, as base64, made smaller when the answer could not hold it."""
        frame = self._frames.last
        if frame is None:
            raise MethodError(409, "no frame was sent yet")
        frame = await asyncio.to_thread(_fitting, frame)
        return {
            "source": frame.source,
            "boot": frame.boot,
            "sequence": frame.sequence,
            "capturedAt": frame.captured_at,
            "label": frame.label,
            "contentType": frame.content_type,
            "width": frame.width,
            "height": frame.height,
            "image": base64.b64encode(frame.image).decode("ascii"),
        }


def _fitting(frame: Frame) -> Frame:
    if len(frame.image) <= SNAPSHOT_BYTES:
        return frame
    body = encode(ImageFile(frame.image), _SMALLER)
    return replace(
        frame, image=body.image, content_type=body.format.content_type, width=body.width, height=body.height
    )
