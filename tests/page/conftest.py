"""The page's server before a real hub: real observer and control API, a browser's part played by aiohttp."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from edge_runtime.heads.control import ControlApi
from edge_runtime.heads.observer import ObserverApi
from edge_runtime.heads.workload_sockets import WorkloadSockets
from edge_runtime.hub.certificates import Certificates, ensure_certificates
from edge_runtime.hub.configuration import apply_configuration
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.iothub.event import accept
from edge_runtime.iothub.store import UpstreamStore
from edge_runtime.page.endpoints import Endpoints
from edge_runtime.page.server import PageServer
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import TO_CLASSIFIER, manifest
from tests.patience import PATIENCE_S

CAMERA = ClientId("edge", "camera")
OBSERVER_TOKEN = "observer-token"
EVENTS_UPSTREAM = "FROM /messages/modules/camera/outputs/events INTO $upstream"


@dataclass(frozen=True)
class Page:
    """A page that runs, and its API as its browser asks it. `upstream` is the file of what arrived."""

    server: PageServer
    upstream: Path
    http: aiohttp.ClientSession

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return str(self.server.url).partition("://")[2].partition("/")[0]

    @property
    def token(self) -> str:
        return str(self.server.url).partition("#token=")[2]

    async def ask(self, verb: str, path: str, **more: Any) -> tuple[int, Any]:
        """Status and document of an answer."""
        async with self.http.request(verb, f"/api/v1{path}", **more) as response:
            return response.status, await response.json()

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Events]:
        async with self.http.get("/api/v1/stream", timeout=aiohttp.ClientTimeout(total=None)) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            yield Events(response.content)


class Events:
    """Server-sent events, as a browser reads them."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Type and document. Raises EOFError at the stream's end."""
        async with asyncio.timeout(PATIENCE_S):
            text = (await self._content.readuntil(b"\n\n")).decode()
        if not text:
            raise EOFError
        kind, data = text.rstrip("\n").split("\n")
        return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    async def until(
        self, kind: str, wanted: Callable[[dict[str, Any]], Any] = lambda _: True
    ) -> dict[str, Any]:
        """The next document of this type that is wanted."""
        while True:
            found, document = await self.next()
            if found == kind and wanted(document):
                return document


def send(hub: EdgeHub, output: str, body: bytes, *, message_id: str = "m.1", **app: str) -> asyncio.Event:
    """A message of the camera's; set when it is durable."""
    stored = asyncio.Event()
    sys = {"messageId": message_id, "contentType": "application/json", "contentEncoding": "utf-8"}
    hub.publish(CAMERA, output, app, sys, body, stored.set)
    return stored


def arrive(store: UpstreamStore, number: int, output: str = "events", size: int = 0) -> None:
    """One event at the local IoT Hub."""
    body = json.dumps({"n": number, "pad": "x" * size}).encode()
    document = {
        "sequence": number,
        "body": base64.b64encode(body).decode(),
        "properties": {},
        "systemProperties": {
            "connectionModuleId": "camera",
            "outputName": output,
            "contentType": "application/json",
        },
    }
    store.add([accept("edge", document, datetime.now(UTC))])


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"), gateway="127.0.0.1")


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EdgeHub]:
    async with running_hub(tmp_path) as hub:
        routes = {"frames": TO_CLASSIFIER, "events": EVENTS_UPSTREAM}
        desired = {"fps": 5, "source": "rtsp://admin:hunter2@camera/1", "apiKey": "k-4711"}
        await apply_configuration(hub, manifest(routes, camera=desired))
        yield hub


@pytest.fixture
async def endpoints(hub: EdgeHub, tmp_path: Path, certificates: Certificates) -> AsyncIterator[Endpoints]:
    """Those of the hub's two APIs."""
    sockets = WorkloadSockets(hub, tmp_path, certificates)
    control = ControlApi(hub, sockets)
    observer = ObserverApi(hub, token=OBSERVER_TOKEN, instance=control.instance)
    runners = []
    for application in (control.application(), observer.application()):
        runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        runners.append(runner)
    await web.UnixSite(runners[0], str(tmp_path / "control.sock")).start()
    await web.TCPSite(runners[1], "127.0.0.1", 0).start()
    yield Endpoints(
        device="edge",
        observer_url=f"http://127.0.0.1:{runners[1].addresses[0][1]}",
        observer_token=OBSERVER_TOKEN,
        control=tmp_path / "control.sock",
        metrics={},
    )
    for runner in runners:
        await runner.cleanup()
    await sockets.close()


@pytest.fixture
async def page(endpoints: Endpoints, tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path / "upstream.db") as page:
        page.server.follow(endpoints)
        yield page


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Page]:
    """One that no runtime stands behind yet."""
    async with serving(tmp_path / "upstream.db") as page:
        yield page


@asynccontextmanager
async def serving(upstream: Path, **options: Any) -> AsyncIterator[Page]:
    """A page before nothing: `follow` tells it where the runtime is."""
    server = PageServer(upstream, **options)
    await server.start("127.0.0.1", 0)
    try:
        base, _, token = str(server.url).partition("/#token=")
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(base, headers=headers, read_bufsize=8 * 1024 * 1024) as http:
            yield Page(server, upstream, http)
    finally:
        await server.stop()
