"""uvicorn's HTTP/1.1 connection with what it leaves open: bounds on the head, a deadline for it, and who left.

uvicorn bounds neither the size of a request's head nor the time that it may take to come, and tells an
application that its client has left only when asked. All three are done here, by public hooks of the parser and of
asyncio's protocols. A request that offers another protocol (`Upgrade`) keeps its body, which uvicorn loses.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADERS = 100


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `configured` makes the class for given limits, as uvicorn wants a class."""

    header_bytes = 32 << 10
    header_timeout_s = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._in_head = False
        self._moved_on = False
        """Whether the segment at hand brought more than a part of one head, chunk extension or trailer section."""
        self._loose_bytes = 0
        """Bytes of the segments that did not: what the parser may hold, and nobody else bounds."""
        self._offers_upgrade = False
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None

    @classmethod
    def configured(cls, header_bytes: int, header_timeout_s: float) -> type[GuardedProtocol]:
        limits = {"header_bytes": header_bytes, "header_timeout_s": header_timeout_s}
        return type("ConfiguredProtocol", (cls,), limits)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)
        for task in self._in_flight:
            task.cancel("the client left")

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._moved_on = False
        try:
            self._parse(memoryview(data))
        except httptools.HttpParserError:
            self._refuse(400, "not a valid HTTP/1.1 request")
            return
        self._loose_bytes = 0 if self._moved_on else self._loose_bytes + len(data)
        if self._loose_bytes > self.header_bytes:
            self._refuse_length(
                "the request's head" if self._in_head else "a chunk extension or trailer section"
            )
        elif self._in_head and self._deadline is None:
            self._expect_a_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self.scope["state"]["in_flight"] = self._in_flight

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers come here too: they would be appended to what the application has already read.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._moved_on = True
        self._in_head = self.parser.should_upgrade()
        self._forget_deadline()
        # A head that came in one segment was not counted yet.
        if len(self.url) > self.header_bytes:
            self._refuse(414, f"the request's target is longer than {self.header_bytes} bytes")
        elif sum(len(name) + len(value) + 4 for name, value in self.headers) > self.header_bytes:
            self._refuse_length("the request's head")
        elif len(self.headers) > MAX_HEADERS:
            self._refuse(431, f"more than {MAX_HEADERS} header fields")
        elif self.parser.get_method() == b"CONNECT":
            self._refuse(400, "CONNECT is for proxies")
        if self._refused:
            return
        self._offers_upgrade = self.parser.should_upgrade()
        if not self._offers_upgrade:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._moved_on = True
        if not self._refused and not self._offers_upgrade:
            super().on_message_complete()

    def on_chunk_header(self) -> None:
        self._moved_on = True

    def on_body(self, body: bytes) -> None:
        self._moved_on = True
        if not self._refused:
            super().on_body(body)

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

    def _expect_a_head(self) -> None:
        self._deadline = self.loop.call_later(self.header_timeout_s, self._too_slow)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self._in_head:
            self._refuse(408, f"the request's head did not come within {self.header_timeout_s:g} s")
        else:
            self.transport.close()

    def _refuse_length(self, what: str) -> None:
        self._refuse(431, f"{what} is longer than {self.header_bytes} bytes")

    def _refuse(self, status: int, detail: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        phrase = HTTPStatus(status).phrase
        body = json.dumps(
            {"type": "about:blank", "title": phrase, "status": status, "detail": detail}
        ).encode()
        self.transport.write(
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
            + body
        )
        self.transport.close()
