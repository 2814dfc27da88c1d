"""The image's own check, against a server whose answers are told beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from serving.healthcheck import main


class Answers(BaseHTTPRequestHandler):
    status = 200
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class has it
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    Answers.status, Answers.asked = 200, []
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_service_that_answers_is_healthy(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert main([str(server.server_port)]) == 0
    assert Answers.asked == ["/v2/health/live"]


def test_another_status_is_told(server: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    Answers.status = 503
    assert main([str(server.server_port)]) == 1
    assert "HTTP Error 503" in capsys.readouterr().err


def test_nobody_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with HTTPServer(("127.0.0.1", 0), Answers, bind_and_activate=False) as server:
        server.server_bind()  # and nobody listens, so the port is nobody else's either
        port = server.server_port
        assert main([str(port)]) == 1
    assert f"http://127.0.0.1:{port}/v2/health/live: " in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["http"], ["1", "2"]])
def test_another_command_line_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage:" in capsys.readouterr().err
