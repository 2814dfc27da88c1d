"""uvicorn's HTTP/1.1 connection with what it leaves open: bounds, deadlines, upgrades, and who left.

uvicorn bounds neither the size of a request's head and trailers nor the time that they may take to come, lets a
connection be idle for ever once a byte came after an answer, loses the body of a request that offers another
protocol (`Upgrade`), and tells an application that its client has left only when asked.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.connections import Connections
from serving.http_flow import JoinedWrites, PipelineFlow, Unread, unread_bytes
from serving.http_head import Fault, fault_of, too_long

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

MAX_WAITING = 32
"""Requests of one connection that wait for the answers before theirs; a segment may bring thousands."""

CLIENT_LEFT = "the client left"
"""The message of the cancellation of a request whose connection is gone."""

_log = logging.getLogger(__name__)


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `configured` makes the class for given limits, as uvicorn wants a class."""

    header_bytes = 32 << 10
    header_timeout_s = 10.0
    places: Connections
    last_request_s = 1
    """How long a connection is idle before it is closed once the worker ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._in_head = False
        self._in_body = False
        self._offers_upgrade = False
        self._moved_on = False
        """Whether the segment at hand brought more than a part of one head, chunk extension or trailer section."""
        self._loose_bytes = 0
        """Bytes of the segments that did not: what the parser may hold, and nobody else bounds."""
        self._unanswered = 0
        self._refused = False
        self._refusal = b""
        """The answer that ends the connection, until its turn comes."""
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: Unread
        self._running: RequestResponseCycle | None = None
        self._answer: JoinedWrites | None = None
        self._ending = False
        self._lingering = False
        """Whether all is said, and the rest of what the client sends is read and dropped."""

    @classmethod
    def configured(
        cls, header_bytes: int, header_timeout_s: float, places: Connections
    ) -> type[GuardedProtocol]:
        limits = {"header_bytes": header_bytes, "header_timeout_s": header_timeout_s, "places": places}
        return type("ConfiguredProtocol", (cls,), limits)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = PipelineFlow(transport, self.pipeline)
        self._unread = Unread(self.loop, transport, self.header_timeout_s)
        self._set_deadline()
        self.places.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.places.leave(self)
        self._forget_deadline()
        # uvicorn leaves its timer, and with it all of this, when the client has reset the connection.
        self._unset_keepalive_if_required()
        self._unread.rest()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True  # uvicorn marks the last one, which may be waiting
        super().connection_lost(exc)
        for task in self._in_flight:
            task.cancel(CLIENT_LEFT)

    def data_received(self, data: bytes) -> None:
        # Not uvicorn's: it stops the keep-alive timer at any byte, and gives up after an offered upgrade.
        if self._refused:
            return
        self._moved_on = False
        try:
            self._parse(memoryview(data))
        except httptools.HttpParserError:
            self._refuse(Fault(400, "not a valid HTTP/1.1 request"))
            return
        self._loose_bytes = 0 if self._moved_on else self._loose_bytes + len(data)
        if self._loose_bytes > self.header_bytes:
            what = "a chunk's extension or the trailers" if self._in_body else "the request's head"
            self._refuse(too_long(what, self.header_bytes))
        else:
            self._time_the_head()

    def eof_received(self) -> None:
        super().eof_received()
        self._unread.watch()  # the loop closes the connection now

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._unread.rest()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def shutdown(self) -> None:
        # Not uvicorn's, which closes at once: a request may be on its way, or lie in the kernel already.
        if self.transport.is_closing():
            return
        self._ending = True
        self.timeout_keep_alive = self.last_request_s
        if self._unanswered:
            self.cycle.keep_alive = self.cycle.keep_alive and self.cycle.response_started
        elif not self._in_head:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.last_request_s, self.timeout_keep_alive_handler
            )

    def give_way(self) -> str | None:
        if self.transport.is_closing():
            return None
        if not self._lingering and (self._refused or unread_bytes(self.transport)):
            return None
        if self._in_head:
            self._refuse(Fault(408, "the request's head came too slowly while others wait for a place"))
            return "slow_head"
        self._close()
        return "unfinished_body" if self._in_body else "idle"

    def _is_last(self, status: int) -> bool:
        """Whether the answer that begins now, with this status, is to tell the client that the connection ends."""
        alone = self._unanswered == 1 and not self._in_head and not self._in_body
        return alone and not unread_bytes(self.transport) and self.places.goes(self, status)

    def on_message_begin(self) -> None:
        if self._refused:
            raise httptools.HttpParserError  # the rest of the segment is not worth the time
        self._unset_keepalive_if_required()
        super().on_message_begin()
        self._in_head = True
        self.places.begins(self)
        self.scope["state"].update(in_flight=self._in_flight, is_last=self._is_last)

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers come here too: they would be appended to what the application has already read.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._moved_on = True
        version = self.parser.get_http_version()
        fault = fault_of(self.parser.get_method(), self.url, version, self.headers, self.header_bytes)
        if fault is None and len(self.pipeline) >= MAX_WAITING:
            fault = Fault(429, f"more than {MAX_WAITING} requests of this connection wait for an answer")
        if fault is not None:
            self._refuse(fault)
            return
        if self.parser.should_upgrade():
            self._offers_upgrade = True
            return
        super().on_headers_complete()
        # Only now: a head that uvicorn refuses is no request, and what came before it goes on.
        self._in_head, self._in_body = False, True
        self._unanswered += 1
        self.places.busy(self)
        self.cycle.keep_alive = self.cycle.keep_alive and not self._ending
        self._forget_deadline()
        self._unset_keepalive_if_required()

    def on_chunk_header(self) -> None:
        self._moved_on = True

    def on_body(self, body: bytes) -> None:
        self._moved_on = True
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._moved_on = True
        if self._refused or self._offers_upgrade:
            return
        self._in_body = False
        self._forget_deadline()
        super().on_message_complete()
        # uvicorn may have paused for the body. Who does not read does not see the client leave.
        self.flow.resume_reading()

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        self._flush()  # an answer without a body is held until now
        if self._lingering:
            self.server_state.total_requests += 1
            self.places.spare(self)
            return
        super().on_response_complete()
        if self.transport.is_closing():
            self._unread.watch()
            return
        if not self._unanswered:
            self.places.spare(self)
        self.flow.resume_reading()  # uvicorn's own came while the next request still waited
        if self._refusal and not self._unanswered:
            self._end_with(self._refusal)
        elif self._in_head:
            self._unset_keepalive_if_required()  # the head has a deadline of its own
            self._time_the_head()
        elif self._in_body and self.cycle.response_complete:
            self._set_deadline()  # answered before its end: the rest is read and dropped, for a while

    def _parse(self, data: memoryview) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                rest = data[upgrade.args[0] :]
            else:
                return
            if self._refused:
                return
            # The parser took the body for another protocol's. None is spoken here, and a server may ignore the
            # offer (RFC 9110 7.8): the same head without it, and what follows.
            head = self._head_without_upgrade()
            self._offers_upgrade = False
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self.parser.feed_data(head)
            data = rest

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % field for field in self.headers if field[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        self._answer = JoinedWrites(self.loop, self.transport, self._end)
        cycle.transport = self._answer  # type: ignore[assignment]
        super()._start_asgi_task(cycle, app)

    def _time_the_head(self) -> None:
        """Give a head that has begun its time, unless what is left of it may lie in the kernel, not read by us."""
        if self._in_head and self._deadline is None and not self.flow.read_paused:
            self._set_deadline()

    def _set_deadline(self) -> None:
        self._forget_deadline()
        self._deadline = self.loop.call_later(self.header_timeout_s, self._too_slow)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self._in_head:
            self._refuse(Fault(408, f"the request's head did not come within {self.header_timeout_s:g} s"))
        else:
            self._close()

    def _flush(self) -> None:
        if self._answer is not None:
            self._answer.flush()

    def _end(self) -> None:
        """End the connection with the answer that is being given."""
        if self.transport.is_closing() or not (self._in_body or unread_bytes(self.transport)):
            self._close()
            return
        # Closed over what is not read it would be reset, and the answer lost on its way (RFC 9112 9.6).
        self._refused = self._lingering = True
        self._in_head = False  # one that had begun is not answered, by a refusal neither
        self.pipeline.clear()
        self.transport.write_eof()
        self.flow.resume_reading()
        self._set_deadline()

    def _close(self) -> None:
        self._flush()
        self.transport.close()
        self._unread.watch()

    def _refuse(self, fault: Fault) -> None:
        """Read nothing more, and end the connection with a problem, after the answers to earlier requests."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._forget_deadline()
        _log.warning("a request is refused with %d: %s", *fault)
        if self._in_body:
            # The request at fault has been handed on, or waits for that.
            if self.pipeline and self.pipeline[0][0] is self.cycle:
                self.pipeline.popleft()
            elif self.cycle.response_started:
                self._close()
                return
            else:
                self.cycle.disconnected = True
            self._unanswered -= 1
        if self._unanswered:
            self._refusal = fault.answer()
        else:
            self._end_with(fault.answer())

    def _end_with(self, answer: bytes) -> None:
        self._flush()
        self.transport.write(answer)
        self._close()
