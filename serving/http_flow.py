"""When a connection is read, and how long what was written to it may lie there."""

from __future__ import annotations

from asyncio import Transport
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class PipelineFlow(FlowControl):
    """Reads nothing while requests wait for the answers before theirs (`waiting`).

    uvicorn reads on after every answer, however many still wait, so that each lets another segment of them in.
    """

    def __init__(self, transport: Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()
