"""Against a local server that cuts, stalls, lies and does not know ranges."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from camera.settings import CameraSettings
from camera.sources import cifar10_download
from camera.sources.cifar10_download import BINARY_MD5, PYTHON_MD5, Download, fetch
from camera.sources.opening import open_source
from camera.sources.source import SourceUnavailableError
from module_kit.inbox import Overflow
from tests.camera.fakes import Events, take
from tests.camera.pictures import binary_files, write_archive
from tests.patience import PATIENCE_S


class Server(ThreadingHTTPServer):
    """Serves `content` at any path; `cuts` are the lengths after which the next answers break off."""

    def __init__(self, address: str, content: bytes) -> None:
        super().__init__((address, 0), Handler)
        self.content = content
        self.cuts: list[int] = []
        self.ranges = True
        self.status = 200
        self.stall = threading.Event()
        self.stalls = 0
        self.requests: list[str | None] = []

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/kriz/cifar-10-binary.tar.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range")
        server.requests.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if server.status != 200:
            self.send_error(server.status)
            return
        if start >= len(server.content) > 0:
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.stalls:
            server.stalls -= 1
            self.wfile.write(body[:100])
            self.wfile.flush()
            server.stall.wait(PATIENCE_S)
            return
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture
def server(loopback: str, tmp_path: Path) -> Iterator[Server]:
    archive = write_archive(tmp_path / "made.tar.gz", "cifar-10-batches-bin", binary_files())
    served = Server(loopback, archive.read_bytes())
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield served
    served.stall.set()
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def download(server: Server, tmp_path: Path) -> Download:
    return Download(server.url, hashlib.md5(server.content).hexdigest(), tmp_path / "cache")  # noqa: S324


def fetched(download: Download, events: Events | None = None) -> bytes:
    return fetch(download, events or Events(), threading.Event()).read_bytes()


def test_fetches_once_and_tells_how_far_it_is(server: Server, download: Download) -> None:
    events = Events()
    assert fetched(download, events) == server.content
    assert events.progressed[0] == "downloading cifar-10-binary.tar.gz: 0 %", "before the first byte came"
    assert events.progressed[-1] == "downloading cifar-10-binary.tar.gz: 100 %"
    assert fetched(download) == server.content
    assert server.requests == [None]


def test_resumes_where_it_was_cut(server: Server, download: Download) -> None:
    server.cuts = [1000, 500]
    assert fetched(download) == server.content
    assert server.requests == [None, "bytes=1000-", "bytes=1500-"]


def test_resumes_what_an_earlier_run_left(server: Server, download: Download) -> None:
    download.folder.mkdir()
    download.file.with_name(download.file.name + ".part").write_bytes(server.content[:700])
    assert fetched(download) == server.content
    assert server.requests == ["bytes=700-"]


def test_a_complete_part_needs_only_its_check(server: Server, download: Download) -> None:
    download.folder.mkdir()
    download.file.with_name(download.file.name + ".part").write_bytes(server.content)
    assert fetched(download) == server.content


def test_a_server_without_ranges_starts_over(server: Server, download: Download) -> None:
    server.ranges = False
    server.cuts = [1000]
    assert fetched(download) == server.content


def test_a_stall_is_noticed_and_resumed(
    server: Server, download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10_download, "IDLE_TIMEOUT_S", 1.0)
    server.stalls = 1
    assert fetched(download) == server.content


def test_a_spoilt_part_is_thrown_away(server: Server, download: Download) -> None:
    download.folder.mkdir()
    download.file.with_name(download.file.name + ".part").write_bytes(b"x" * 700)
    assert fetched(download) == server.content
    assert server.requests == ["bytes=700-", None]


def test_a_spoilt_file_in_the_cache_is_fetched_again(server: Server, download: Download) -> None:
    fetched(download)
    download.file.write_bytes(b"spoilt")
    assert fetched(download) == server.content


def test_another_content_is_refused_and_not_kept(server: Server, download: Download, tmp_path: Path) -> None:
    wrong = Download(download.url, "0" * 32, download.folder)
    with pytest.raises(SourceUnavailableError, match=r"MD5 is .* expected 00000000"):
        fetched(wrong)
    assert not list(download.folder.glob("cifar*"))


@pytest.mark.parametrize(("status", "part"), [(404, "HTTP 404"), (503, "HTTP 503")])
def test_a_refusal_is_told(server: Server, download: Download, status: int, part: str) -> None:
    server.status = status
    with pytest.raises(SourceUnavailableError, match=part):
        fetched(download)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://127.0.0.1:9/x.tar.gz", "refused"),
        ("file:///etc/passwd", "expected an http or https URL"),
        ("http://user:s3cret@127.0.0.1:9/x.tar.gz", "failed"),
    ],
)
def test_bad_addresses(tmp_path: Path, url: str, part: str) -> None:
    with pytest.raises(SourceUnavailableError, match=part) as caught:
        fetched(Download(url, "", tmp_path))
    assert "s3cret" not in str(caught.value)


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SourceUnavailableError, match="CACHE_FOLDER"):
        fetched(Download(server.url, "", tmp_path / "file" / "cache"))


def test_the_official_checksums_are_asked_for() -> None:
    folder = Path("/x")
    assert Download("https://h/cifar-10-binary.tar.gz", "", folder).expected_md5 == BINARY_MD5
    assert Download("https://h/cifar-10-python.tar.gz", "", folder).expected_md5 == PYTHON_MD5
    assert BINARY_MD5 == "c32a1d4ab5d03f1284b67883e8d87530"
    assert PYTHON_MD5 == "c58f30108f718f92721af3b95e74349a"


async def test_the_spec_without_a_path_downloads(server: Server, tmp_path: Path) -> None:
    settings = CameraSettings(
        source="cifar10:",
        cifar10_url=server.url,
        cifar10_md5=hashlib.md5(server.content).hexdigest(),  # noqa: S324
        cache_folder=str(tmp_path / "cache"),
    )
    source = open_source(settings.spec, settings, Overflow.WAIT, Events())
    assert len(await take(source)) == 4


async def test_a_download_that_nobody_waits_for_stops(server: Server, tmp_path: Path) -> None:
    server.content = bytes(50_000_000)
    settings = CameraSettings(source="cifar10:", cifar10_url=server.url, cache_folder=str(tmp_path / "cache"))
    source = open_source(settings.spec, settings, Overflow.WAIT, Events())
    with pytest.raises(TimeoutError):
        await take(source, 1, timeout_s=0.05)
    part = tmp_path / "cache" / "cifar-10-binary.tar.gz.part"
    sizes = [-1, 0]
    async with asyncio.timeout(PATIENCE_S):
        while sizes[-1] != sizes[-2]:
            await asyncio.sleep(0.5)
            sizes.append(part.stat().st_size if part.exists() else 0)
    assert sizes[-1] < len(server.content), "it stopped before its end"
