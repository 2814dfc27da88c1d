"""What a request's head must be before it is handed on, and the answer to one that is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

import httptools

MAX_HEADERS = 100

Fields = Sequence[tuple[bytes, bytes]]
"""Header fields, their names in lower case."""


class Fault(NamedTuple):
    """Why a request is refused, and with what status."""

    status: int
    detail: str

    def answer(self) -> bytes:
        """The whole answer, an RFC 9457 problem, that ends the connection."""
        phrase = HTTPStatus(self.status).phrase
        document = {"type": "about:blank", "title": phrase, "status": self.status, "detail": self.detail}
        body = json.dumps(document).encode()
        head = (
            f"HTTP/1.1 {self.status} {phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        return head.encode() + body


def too_long(what: str, most: int) -> Fault:
    """A head, or a part of a chunked body beside its data, over its bound of bytes."""
    return Fault(431, f"{what} is longer than {most} bytes")


def fault_of(method: bytes, target: bytes, version: str, fields: Fields, most: int) -> Fault | None:
    """What is wrong with a head; `most` bytes for its target, and for its fields together."""
    return _over_a_bound(target, fields, most) or _without_meaning(method, target, version, fields)


def _over_a_bound(target: bytes, fields: Fields, most: int) -> Fault | None:
    if len(target) > most:
        return Fault(414, f"the request's target is longer than {most} bytes")
    if sum(len(name) + len(value) + 4 for name, value in fields) > most:
        return too_long("the request's head", most)
    if len(fields) > MAX_HEADERS:
        return Fault(431, f"more than {MAX_HEADERS} header fields")
    return None


def _without_meaning(method: bytes, target: bytes, version: str, fields: Fields) -> Fault | None:
    if method == b"CONNECT":
        return Fault(400, "CONNECT is for proxies")
    if not _has_a_path(target):
        return Fault(400, "the request's target is neither a path nor a URL with one (RFC 9112 3.2)")
    hosts = sum(name == b"host" for name, _ in fields)
    if hosts > 1 or (hosts == 0 and version != "1.0"):
        return Fault(400, "a request names its host, once (RFC 9112 3.2)")
    return _framing(version, fields)


def _framing(version: str, fields: Fields) -> Fault | None:
    codings = [value.strip().lower() for name, value in fields if name == b"transfer-encoding"]
    if not codings:
        return None
    if version == "1.0":
        return Fault(400, "Transfer-Encoding is not of HTTP/1.0 (RFC 9112 6.1)")
    if codings != [b"chunked"]:
        return Fault(501, "no Transfer-Encoding but chunked is read, once; send the body as it is")
    return None


def _has_a_path(target: bytes) -> bool:
    try:
        return httptools.parse_url(target).path is not None
    except httptools.HttpParserInvalidURLError:
        return False
