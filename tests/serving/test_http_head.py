from __future__ import annotations

import json

import pytest

from serving.http_head import Fault, fault_of, too_long

HOST = (b"host", b"x")
MOST = 1000


@pytest.mark.parametrize("target", [b"/score", b"/a?b=c", b"*", b"http://x/score", b"http://x:1/?a", b"//x"])
def test_a_target_that_names_a_path_passes(target: bytes) -> None:
    assert fault_of(b"GET", target, "1.1", [HOST], MOST) is None


@pytest.mark.parametrize("target", [b"", b"score", b"?a", b"http://x", b"http://x?a=b", b"http:///score",
                                    b"http://x:99999/", b"http://a@/", b"/\xff"])  # fmt: skip
def test_one_without_is_refused(target: bytes) -> None:
    fault = fault_of(b"GET", target, "1.1", [HOST], MOST)
    assert fault is not None
    assert fault.status == 400


@pytest.mark.parametrize(
    ("version", "codings", "status"),
    [
        ("1.1", [b"chunked"], None),
        ("1.1", [b"Chunked "], None),
        ("1.1", [b"gzip, chunked"], 501),
        ("1.1", [b"gzip", b"chunked"], 501),
        ("1.1", [b"chunked", b"chunked"], 501),
        ("1.1", [b"identity"], 501),
        ("1.1", [b""], 501),
        ("1.0", [b"chunked"], 400),
    ],
)
def test_no_coding_but_chunked_is_read(version: str, codings: list[bytes], status: int | None) -> None:
    fields = [HOST, *((b"transfer-encoding", coding) for coding in codings)]
    fault = fault_of(b"POST", b"/", version, fields, MOST)
    assert (fault and fault.status) == status


def test_a_refusal_is_a_whole_answer_that_ends_the_connection() -> None:
    head, _, body = too_long("a head", MOST).answer().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"\r\nconnection: close" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    assert json.loads(body)["detail"] == "a head is longer than 1000 bytes"
    assert Fault(400, "why").answer().startswith(b"HTTP/1.1 400 Bad Request\r\n")
