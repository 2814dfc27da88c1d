from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.serve.load import Measured, drive, parse

SAID = """Running 5s test @ http://127.0.0.1:1
Requests/sec:    123.45

{"answers": 1000, "refused": 200, "broken": 3, "us": 2000000, "p50": 1500, "p95": 2500, "p99": 9000}
"""


def test_what_wrk_says_is_read_as_rates_and_milliseconds() -> None:
    assert parse(SAID, 16) == Measured(16, 400.0, 100.0, 3, 1.5, 2.5, 9.0)


def test_output_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="nothing that can be read: unable to connect"):
        parse("unable to connect", 1)


@pytest.mark.parametrize("connections", [0, 1025])
def test_connections_are_bounded(connections: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/wrk")
    with pytest.raises(BenchmarkError, match="expected 1 to 1024"):
        drive(1, [], connections, 1)


def test_without_wrk_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(BenchmarkError, match="apt-get install wrk"):
        drive(1, [], 1, 1)


class Echo(http.server.BaseHTTPRequestHandler):
    """Refuses every body that says no, and remembers all."""

    protocol_version = "HTTP/1.1"
    bodies: set[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.add(body)
        self.send_response(429 if body == b"no" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    Echo.bodies = set()
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    serving = threading.Thread(target=found.serve_forever)
    serving.start()
    yield found
    found.shutdown()
    serving.join()
    found.server_close()


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is missing: apt-get install wrk")
def test_every_request_is_sent_as_it_lies_in_its_file(tmp_path: Path, server: http.server.HTTPServer) -> None:
    files: list[Path] = []
    for body in (b"yes", b"no", bytes(range(256))):
        files.append(tmp_path / str(len(files)))
        head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        files[-1].write_bytes(head.encode() + body)
    found = drive(server.server_port, files, 2, 1)
    assert Echo.bodies == {b"yes", b"no", bytes(range(256))}
    assert found.broken == 0
    assert found.answered / found.refused == pytest.approx(2, rel=0.5)
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms
