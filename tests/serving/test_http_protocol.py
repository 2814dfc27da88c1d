"""Malformed, oversized and slow requests over bare sockets: each ends with an answer or a closed connection."""

from __future__ import annotations

import json
import re
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.serving.running import KEY, RunningService, golden_picture, running

HEAD = (
    f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: image/png\r\n".encode()
)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """Small limits, and short times for heads and bodies."""
    environment = {
        "SERVING_BODY_BYTES": "20000",
        "SERVING_BUFFERED_BYTES": "1024",
        "SERVING_HEADER_BYTES": "4096",
        "SERVING_HEADER_TIMEOUT_S": "0.5",
        "SERVING_BODY_TIMEOUT_S": "0.5",
        "SERVING_KEEP_ALIVE_S": "1",
        "SERVING_PICTURE_BYTES": "10000",
        "SERVING_PICTURE_PIXELS": "200000",
    }
    with running(tmp_path_factory.mktemp("strict"), environment=environment, workers=1) as found:
        yield found


def exchange(service: RunningService, *parts: bytes, end: bool = False) -> bytes:
    """All that the service answers to `parts`, until it closes the connection (which it must)."""
    with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            if end:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed while we were still sending
        return rest_of(connection)


def rest_of(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while received := connection.recv(65536):
            answer += received
    except ConnectionResetError:
        pass  # closed before it had read all that we sent
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


MALFORMED = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no version": b"GET /\r\n\r\n",
    "another protocol": b"GET / RTSP/1.0\r\n\r\n",
    "a space in a name": b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n",
    "a bare line feed in a value": b"GET / HTTP/1.1\r\nHost: a\nb c\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length that is no number": HEAD + b"Content-Length: -1\r\n\r\n",
    "a chunk that is no number": HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "no host": b"GET /v2/health/live HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "no target": b"CONNECT HTTP/1.1\r\nHost: x\r\n\r\n",
    "a host as target": b"CONNECT a:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes beyond ASCII in the target": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a URL without a path": b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a URL with only a query": b"GET http://x?a=b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a URL's port out of range": b"GET http://x:99999/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a URL without a host": b"GET http:///score HTTP/1.1\r\nHost: x\r\n\r\n",
    "a URL with a user alone": b"GET http://a@/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a zero byte": b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED)
def test_malformed_http_is_a_bad_request(strict: RunningService, request_bytes: bytes) -> None:
    answer = exchange(strict, request_bytes)
    assert 400 <= status_of(answer) < 500
    assert b"application/problem+json" in answer
    assert strict.request("GET", "/v2").status == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 5000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 5000, 431),
    ],
)
def test_a_head_has_bounds(strict: RunningService, head: bytes, status: int) -> None:
    answer = exchange(strict, head)
    assert status_of(answer) == status
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == status


def test_an_old_request_needs_no_host(strict: RunningService) -> None:
    assert status_of(exchange(strict, b"GET /v2/health/live HTTP/1.0\r\n\r\n")) == 200


def test_a_head_that_never_ends_is_given_up(strict: RunningService) -> None:
    assert status_of(exchange(strict, b"GET / HTTP/1.1\r\nHost: ")) == 408


def test_a_connection_that_says_nothing_is_closed(strict: RunningService) -> None:
    assert exchange(strict) == b""


def test_a_body_that_never_ends_is_given_up(strict: RunningService) -> None:
    assert status_of(exchange(strict, HEAD + b"Content-Length: 100\r\n\r\nab")) == 408


def test_a_body_longer_than_allowed_is_refused_by_its_length_alone(strict: RunningService) -> None:
    assert status_of(exchange(strict, HEAD + b"Content-Length: 20001\r\n\r\n")) == 413


def test_a_body_in_chunks_is_counted(strict: RunningService) -> None:
    chunks = b"5000\r\n" + b"a" * 0x5000 + b"\r\n0\r\n\r\n"
    assert status_of(exchange(strict, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)) == 413


def test_bodies_share_a_budget(strict: RunningService) -> None:
    held, small = HEAD + b"Content-Length: 9000\r\n\r\n" + b"a" * 2000, b"a" * 900
    request = HEAD + b"Connection: close\r\nContent-Length: 900\r\n\r\n" + small
    answer = b""
    while b" 429 " not in answer:  # until the first is there and not yet given up
        with closing(socket.create_connection((strict.address, strict.port), PATIENCE_S)) as other:
            other.sendall(held)
            answer = exchange(strict, request)
    assert b"retry-after: 1" in answer


@pytest.mark.parametrize(
    ("coding", "version", "status"), [(b"gzip, chunked", b"1.1", 501), (b"chunked", b"1.0", 400)]
)
def test_a_body_in_another_transfer_coding_is_not_taken_for_a_picture(
    strict: RunningService, coding: bytes, version: bytes, status: int
) -> None:
    picture = golden_picture()
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/" + version) + b"Transfer-Encoding: %b\r\n\r\n" % coding
    answer = exchange(strict, head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(picture), picture))
    assert status_of(answer) == status
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_body_that_is_coded_is_not_read(strict: RunningService) -> None:
    answer = exchange(strict, HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")
    assert status_of(answer) == 415


def bomb(width: int, height: int) -> bytes:

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(height * (3 * width + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("picture", "code"), [(bomb(1000, 1000), "too_many_pixels"), (b"\xff\xd8" * 5001, "too_large")]
)
def test_a_picture_that_unpacks_to_too_much_is_refused(
    strict: RunningService, picture: bytes, code: str
) -> None:
    answer = strict.request("POST", "/score", picture, {"Content-Type": "image/png"})
    assert (answer.status, answer.json()["code"]) == (413, code)


def test_requests_in_one_segment_are_answered_in_turn(strict: RunningService) -> None:
    body = golden_picture()
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    answer = exchange(
        strict, one * 2 + b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 200 OK") == 3


def test_a_body_is_waited_for_when_the_client_expects_so(strict: RunningService) -> None:
    body = golden_picture()
    head = HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    with closing(socket.create_connection((strict.address, strict.port), PATIENCE_S)) as connection:
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert status_of(connection.recv(65536)) == 200


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
LAST = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade, close\r\n\r\n"


@pytest.mark.parametrize("segments", ["one", "bytes", "after the head"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_request_that_offers_another_protocol_keeps_its_body(
    service: RunningService, segments: str, framing: str
) -> None:
    picture = golden_picture()
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(picture), picture) if framing == "chunks" else picture
    length = b"Transfer-Encoding: chunked" if framing == "chunks" else b"Content-Length: %d" % len(picture)
    head = HEAD + UPGRADE + length + b"\r\nExpect: 100-continue\r\n\r\n"
    with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if segments == "after the head":
            connection.sendall(head)
            assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body + LAST)
        else:
            whole = head + body + LAST
            size = len(whole) if segments == "one" else 1
            for start in range(0, len(whole), size):
                connection.sendall(whole[start : start + size])
        answer = rest_of(connection)
    assert re.findall(rb"HTTP/1.1 (?!100)\d+", answer) == [b"HTTP/1.1 200"] * 2
    assert b'"predictions"' in answer


def test_a_body_is_never_taken_for_a_request(service: RunningService) -> None:
    smuggled = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head = HEAD + UPGRADE + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(smuggled)
    with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection:
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(smuggled + LAST)
        answer = rest_of(connection)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"415", b"200"]


@pytest.mark.parametrize(("authorization", "status"), [(f"Authorization: Bearer {KEY}\r\n", 431), ("", 401)])
def test_trailers_have_bounds(service: RunningService, authorization: str, status: int) -> None:
    head = f"POST /score HTTP/1.1\r\nHost: x\r\n{authorization}Transfer-Encoding: chunked\r\n\r\n".encode()
    sent, trailer = 0, b"X: " + b"a" * 60_000 + b"\r\n"
    with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection:
        connection.sendall(head)
        answer = connection.recv(65536) if status == 401 else b""
        try:
            connection.sendall(b"0\r\n")
            while sent < 64 << 20:  # more than the kernel buffers
                connection.sendall(trailer)
                sent += len(trailer)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer += rest_of(connection)
    assert sent < 64 << 20
    # What came after its end may have reset the connection before the answer was read.
    assert not answer or status_of(answer) == status


def test_a_request_s_trailers_are_read_over(service: RunningService) -> None:
    picture = golden_picture()
    body = b"%x\r\n%b\r\n0\r\nContent-Type: a/b\r\nX: y\r\n\r\n" % (len(picture), picture)
    answer = exchange(service, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + LAST)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"200"]


NO_KEY = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "after", "status"),
    [
        (b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n", 200),
        (NO_KEY, b"a" * 10, 401),
        (NO_KEY, b"a" * 1000, 401),
    ],
    ids=["an empty line", "a part of the body", "the body"],
)
def test_a_connection_that_is_answered_ends_whatever_comes_after(
    strict: RunningService, request_bytes: bytes, after: bytes, status: int
) -> None:
    with closing(socket.create_connection((strict.address, strict.port), PATIENCE_S)) as connection:
        connection.sendall(request_bytes)
        assert status_of(connection.recv(65536)) == status
        connection.sendall(after)
        assert b"HTTP/1.1" not in rest_of(connection)


def test_a_body_that_comes_after_its_answer_does_not_hurt_the_next_request(service: RunningService) -> None:
    with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection:
        connection.sendall(NO_KEY)
        assert status_of(connection.recv(65536)) == 401
        connection.sendall(b"a" * 1000 + LAST)
        assert re.findall(rb"HTTP/1.1 (\d+)", rest_of(connection)) == [b"200"]


def test_hostile_requests_leave_no_trace_in_memory(strict: RunningService) -> None:
    def memory() -> int:
        (worker,) = strict.workers()
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * 4096

    def round_of_all() -> None:
        for request_bytes in MALFORMED.values():
            exchange(strict, request_bytes)
        for picture in (bomb(60, 60)[:-9], b"\xff\xd8\xff\xd9", golden_picture()[:-5]):
            strict.request("POST", "/score", picture, {"Content-Type": "image/png"})

    for _ in range(3):
        round_of_all()
    before = memory()
    for _ in range(10):
        round_of_all()
    assert memory() < before + (8 << 20)
