"""What an engine is asked for that has no base image yet: the Docker SDK's own requests to an engine of the test's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from release.engine import EngineError
from release.images.engine import BuildFailedError, Engine
from tests.release.images.solution import BASE, write_solution


class HubEngine(ThreadingHTTPServer):
    """An engine of amd64 before a Docker Hub whose images are for one architecture, and lists of one."""

    daemon_threads = True

    def __init__(self, architecture: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.architecture = architecture
        self.pulled = False
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: HubEngine

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self._answer(200, {"ApiVersion": "1.43"})
        elif self.server.pulled:
            self._answer(200, {"Id": "sha256:base"})
        else:
            self._answer(404, {"message": "No such image"})

    def do_POST(self) -> None:
        if urlsplit(self.path).path.endswith("/build"):
            self._answer(400, {"message": "dockerfile parse error on line 2"})
            return
        wanted = parse_qs(urlsplit(self.path).query).get("platform", ["linux/amd64"])[0]
        if wanted == self.server.architecture:
            self.server.pulled = True
            self._answer(200, {"status": "Pull complete"})
        else:
            told = f"no matching manifest for {wanted} in the manifest list entries"
            self._answer(200, {"error": told})

    def _answer(self, status: int, document: dict[str, str]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def hub(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubEngine]:
    hub = HubEngine(request.param)
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{hub.server_address[1]}")
    yield hub
    hub.shutdown()
    hub.server_close()


@pytest.mark.parametrize(
    ("hub", "platform"),
    [
        ("linux/amd64", "amd64"),
        ("linux/arm/v7", "arm32v7"),
        ("linux/arm/v7", "arm32v7.debug"),
        ("linux/arm64", "arm64v8"),
    ],
    indirect=["hub"],
)
def test_a_base_image_is_pulled_for_its_platform(hub: HubEngine, platform: str) -> None:
    engine = Engine()
    assert engine.provide(BASE, platform) == "sha256:base"
    engine.close()


@pytest.mark.parametrize("hub", ["linux/amd64"], indirect=True)
def test_a_build_that_the_engine_refuses_is_a_failed_one(hub: HubEngine, tmp_path: Path) -> None:
    engine = Engine()
    with pytest.raises(BuildFailedError, match="parse error on line 2"):
        engine.build(write_solution(tmp_path), "eye:1", {}, lambda *_: None)
    engine.close()


@pytest.mark.parametrize("hub", ["linux/arm/v7"], indirect=True)
def test_what_the_hub_refuses_is_told(hub: HubEngine) -> None:
    engine = Engine()
    with pytest.raises(EngineError, match=f"{BASE} cannot be pulled: no matching manifest for linux/arm64"):
        engine.provide(BASE, "arm64v8")
    engine.close()
