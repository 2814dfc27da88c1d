"""A request's body within its bounds: size, time, and what all requests of the process hold together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from serving.errors import BadRequestError
from serving.http_protocol import CLIENT_LEFT
from serving.web.problem import ProblemError

_CLOSE = {"connection": "close"}


class BodyReader:
    """Reads bodies of at most `most` bytes; those of all requests, `budget` together."""

    def __init__(self, most: int, budget: int, timeout_s: float) -> None:
        self._most = most
        self._budget = budget
        self._timeout_s = timeout_s
        self._held = 0

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body, not empty; it counts as held until the context is left.

        Raises:
            BadRequestError: it is empty.
            ProblemError: 413, 415 (a content coding), 408, 429 (other requests hold too much).
            CancelledError: the client left, as when that is noticed later.
        """
        coding = request.headers.get("content-encoding", "identity")
        if coding.strip().lower() != "identity":
            raise ProblemError(
                415, f"Content-Encoding {coding!r} is not read; send the body as it is", _CLOSE
            )
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        try:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._receive(request, parts)
            except TimeoutError:
                text = f"the request's body did not come within {self._timeout_s:g} s"
                raise ProblemError(408, text, _CLOSE) from None
            whole = b"".join(parts)
            size = len(whole)
            parts.clear()  # they would double what is held
            if not whole:
                raise BadRequestError("the body is empty")
            yield whole
        finally:
            self._held -= size + sum(map(len, parts))

    async def _receive(self, request: Request, parts: list[bytes]) -> None:
        more, size = True, 0
        while more:
            message = await request.receive()
            if message["type"] != "http.request":
                raise asyncio.CancelledError(CLIENT_LEFT)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            self._held += len(parts[-1])
            more = message.get("more_body", False)
            if size > self._most:
                raise self._too_large()
            # One request alone is never too much.
            if self._held > self._budget and self._held > size:
                text = f"requests of {self._budget} bytes are held already"
                raise ProblemError(429, text, {**_CLOSE, "retry-after": "1"})

    def _too_large(self) -> ProblemError:
        return ProblemError(413, f"the body is longer than {self._most} bytes", _CLOSE)
