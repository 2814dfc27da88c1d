"""When a connection is read, and how long what was written to it may lie there."""

from __future__ import annotations

import fcntl
import struct
import sys
import termios
from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable, Sized
from socket import SO_LINGER, SOL_SOCKET

from uvicorn.protocols.http.flow_control import FlowControl

_RESET = struct.pack("ii", 1, 0)
"""What makes closing a socket drop what it has not sent."""


def unread_bytes(transport: Transport) -> int:
    """How much of what the client sent lies in the kernel."""
    count = bytearray(4)
    fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


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


class JoinedWrites:
    """A transport for one answer, whose head is sent with the beginning of its body: uvicorn writes them one by one.

    Each write is a system call and a segment, and wakes the client. A body that does not come at once holds up nothing.
    `end` ends the connection, after this answer.
    """

    def __init__(self, loop: AbstractEventLoop, transport: Transport, end: Callable[[], None]) -> None:
        self._loop = loop
        self._transport = transport
        self._end = end
        self._held: bytes | None = None
        self._begun = False

    def write(self, data: bytes) -> None:
        if not self._begun:
            self._begun = True
            self._held = data
            self._loop.call_soon(self.flush)
        elif self._held is None:
            self._transport.write(data)
        else:
            self._transport.write(self._held + data)
            self._held = None

    def flush(self) -> None:
        """Send what is held: anything else that is written to the connection, or ends it, has to come after it."""
        held, self._held = self._held, None
        if held is not None and not self._transport.is_closing():
            self._transport.write(held)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._end()


class Unread:
    """Ends a connection whose client takes nothing of what was written to it for `patience_s` seconds.

    Neither a paused writer nor `close`, which waits until all is written, ends by itself.
    """

    def __init__(self, loop: AbstractEventLoop, transport: Transport, patience_s: float) -> None:
        self._loop = loop
        self._transport = transport
        self._patience_s = patience_s
        self._left = 0
        self._timer: TimerHandle | None = None

    def watch(self) -> None:
        """From now on, if it does not yet."""
        if self._timer is None:
            self._left = self._transport.get_write_buffer_size()
            self._timer = self._loop.call_later(self._patience_s, self._look)

    def rest(self) -> None:
        """Until it is told to watch again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._transport.get_write_buffer_size() < self._left:
            self.watch()
            return
        # Reset, or the kernel would hold what it has not sent yet.
        self._transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
        self._transport.abort()
