"""Uploads with a shared access signature, to a storage that fails (spec D.5)."""

from __future__ import annotations

import logging

import aiohttp
import pytest

from edge_runtime.agent.methods import blob
from edge_runtime.agent.methods.blob import Blob, UploadError, blob_url, check_url, upload
from edge_runtime.agent.methods.errors import BadArgumentError
from tests.agent.methods.storage import storage

ONE = Blob("hub/edge/camera-1.log.gz", b"content", "text/plain", "gzip")


async def rested(pauses: list[float], seconds: float) -> None:
    pauses.append(seconds)


async def put(url: str, one: Blob = ONE) -> list[float]:
    """Upload; the pauses before new attempts."""
    pauses: list[float] = []
    await upload(url, one, pause=lambda seconds: rested(pauses, seconds))
    return pauses


async def test_a_block_blob_is_put_below_the_container() -> None:
    async with storage() as there:
        assert await put(there.sas()) == []
    path = "/logs/hub/edge/camera-1.log.gz"
    assert there.blobs == {path: b"content"}
    headers = there.headers[path]
    assert headers["x-ms-blob-type"] == "BlockBlob"
    assert headers["x-ms-blob-content-type"] == "text/plain"
    assert headers["x-ms-blob-content-encoding"] == "gzip"
    assert headers["Content-Length"] == "7"


async def test_what_is_not_zipped_says_no_encoding_and_nothing_is_something() -> None:
    async with storage() as there:
        await put(there.sas(), Blob("empty.json", b"", "application/json"))
    assert there.blobs == {"/logs/empty.json": b""}
    assert "x-ms-blob-content-encoding" not in there.headers["/logs/empty.json"]


@pytest.mark.parametrize("fault", ["500", "503", "429", "408", "hang up"])
async def test_what_may_pass_is_tried_again(fault: str) -> None:
    async with storage() as there:
        # The client itself sends once more what a connection swallowed.
        there.faults = [fault] * (4 if fault == "hang up" else 2)
        assert await put(there.sas()) == [5.0, 10.0]
    assert list(there.blobs.values()) == [b"content"]


async def test_a_storage_that_stays_away_is_given_up() -> None:
    async with storage() as there:
        there.faults = ["503"] * 9
        with pytest.raises(UploadError, match="answered 503 Service Unavailable"):
            await put(there.sas())
    assert there.attempts == 3
    with pytest.raises(UploadError, match=r"127\.0\.0\.1 cannot be reached"):
        await put(there.sas())


@pytest.mark.parametrize(
    ("fault", "said"), [("403", "403 AuthenticationFailed"), ("404", "404"), ("redirect", "302")]
)
async def test_what_will_not_pass_is_not_tried_again(fault: str, said: str) -> None:
    async with storage() as there:
        there.faults = [fault]
        with pytest.raises(UploadError, match=said):
            await put(there.sas())
    assert there.attempts == 1
    assert there.blobs == {}


async def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob, "_TIMEOUT", aiohttp.ClientTimeout(sock_read=0.05))
    async with storage() as there:
        there.faults = ["silence"] * 3
        with pytest.raises(UploadError, match="cannot be reached"):
            await put(there.sas())
    assert there.attempts == 3


async def test_the_signature_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with storage() as there:
        for faults in (["503"] * 3, ["403"], ["hang up"] * 6, ["redirect"]):
            there.faults = list(faults)
            with pytest.raises(UploadError) as error:
                await put(there.sas())
            assert "ab%2Bcd" not in str(error.value)
    with pytest.raises(UploadError) as unreachable:
        await put(there.sas())
    with pytest.raises(UploadError) as no_host:
        await put("http://a b/c?sig=ab%2Bcd")
    assert "ab%2Bcd" not in str(no_host.value)
    assert "ab%2Bcd" not in str(unreachable.value)
    assert "ab%2Bcd" not in caplog.text


@pytest.mark.parametrize(
    ("sas", "expected"),
    [
        ("https://a.blob.core.windows.net/c?sig=x%3D", "https://a.blob.core.windows.net/c/d/e%20f.log?sig=x%3D"),
        ("https://a.blob.core.windows.net/c/?sig=x", "https://a.blob.core.windows.net/c/d/e%20f.log?sig=x"),
        ("http://127.0.0.1:10000/dev/c?sr=c&sig=x", "http://127.0.0.1:10000/dev/c/d/e%20f.log?sr=c&sig=x"),
        ("https://a.blob.core.windows.net/c/one.log?sr=b&sig=x", "https://a.blob.core.windows.net/c/one.log?sr=b&sig=x"),
        (" https://h/c?s#fragment ", "https://h/c/d/e%20f.log?s"),
    ],
)  # fmt: skip
def test_where_a_blob_goes(sas: str, expected: str) -> None:
    assert blob_url(sas, "d/e f.log") == expected


@pytest.mark.parametrize(
    "url", ["", "c?sig=x", "ftp://h/c", "file:///etc/passwd", "https:///c", "https://h", "https://h/", "https://h:x/c", "https://[/c"]
)  # fmt: skip
def test_what_is_no_container_is_refused(url: str) -> None:
    with pytest.raises(BadArgumentError, match="not the URL of a container"):
        check_url(url)
