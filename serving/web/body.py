"""Reading a request's body within its bounds: size, time, and what all requests of the process hold together."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from serving.errors import BadRequestError
from serving.web.problem import ProblemError

_CLOSE = {"connection": "close"}


class BodyReader:
    """Reads bodies of at most `most` bytes; all that are being received hold `budget` bytes together at most."""

    def __init__(self, most: int, budget: int, timeout_s: float) -> None:
        self._most = most
        self._budget = budget
        self._timeout_s = timeout_s
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The whole body.

        Raises:
            ProblemError: 413, 415 (a content coding), 408, 429 (other requests hold too much).
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
            async with asyncio.timeout(self._timeout_s):
                while True:
                    message = await request.receive()
                    if message["type"] != "http.request":
                        raise ClientDisconnect
                    part: bytes = message.get("body", b"")
                    size += len(part)
                    self._held += len(part)
                    if size > self._most:
                        raise self._too_large()
                    if not message.get("more_body", False):
                        return b"".join(parts) + part if parts else part
                    if self._held > self._budget:
                        text = f"bodies of {self._budget} bytes are being received already"
                        raise ProblemError(429, text, {**_CLOSE, "retry-after": "1"})
                    parts.append(part)
        except TimeoutError:
            text = f"the request's body did not come within {self._timeout_s:g} s"
            raise ProblemError(408, text, _CLOSE) from None
        finally:
            self._held -= size

    def _too_large(self) -> ProblemError:
        return ProblemError(413, f"the body is longer than {self._most} bytes", _CLOSE)


def require_some(body: bytes) -> bytes:
    """`body`, unless it is empty."""
    if not body:
        raise BadRequestError("the body is empty")
    return body
