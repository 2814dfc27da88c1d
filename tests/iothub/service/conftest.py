"""The service API over its real socket, a real hub behind its control API; only TLS is left out."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from edge_runtime.heads.control import ControlApi
from edge_runtime.heads.workload_sockets import WorkloadSockets
from edge_runtime.hub import sas
from edge_runtime.hub.certificates import Certificates
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.iothub.devicebound import Devicebound
from edge_runtime.iothub.service.device import RunningDevice
from edge_runtime.iothub.service.documents import Documents
from edge_runtime.iothub.service.policy import POLICY, Policy
from edge_runtime.iothub.service.server import ServiceApi
from edge_runtime.iothub.service.service import IotHub
from edge_runtime.supervisor.control_client import ControlClient
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import UPSTREAM, manifest

HOST = "hub.test:443"
KEY = base64.b64encode(b"the policy's key".ljust(32)).decode()


def token(key: str = KEY, audience: str = HOST, policy: str | None = POLICY, lasts_s: float = 600) -> str:
    return sas.sign(audience, sas.decode_key(key), expiry=int(time.time() + lasts_s), policy=policy)


class Caller:
    """Calls the service; `authorization` is the header of each request."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        control: aiohttp.ClientSession,
        hub_api: web.AppRunner,
        iothub: IotHub,
    ) -> None:
        self.iothub = iothub
        self._session = session
        self._control = control
        self._hub_api = hub_api
        self.authorization: str | None = token()

    async def deploy(self, document: dict[str, Any]) -> None:
        """As the supervisor does, behind the service's back."""
        async with self._control.put("/configuration", json=document) as response:
            assert response.status == 200

    async def end_the_hub(self) -> None:
        """Nobody answers on the control socket any more."""
        await self._hub_api.cleanup()

    async def __call__(
        self, verb: str, path: str, body: Any = None, if_match: str | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": self.authorization, "If-Match": if_match}
        given = {name: value for name, value in headers.items() if value is not None}
        content = {} if body is None else {"json": body}
        async with self._session.request(verb, path, headers=given, **content) as response:
            return response.status, await response.json() if response.status != 204 else None


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EdgeHub]:
    async with running_hub(tmp_path, iothub_hostname="hub.test") as hub:
        yield hub


async def serve(app: web.Application, path: Path) -> web.AppRunner:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    return runner


@pytest.fixture
async def deployed() -> list[dict[str, Any]]:
    """What was deployed through the service."""
    return []


@pytest.fixture
async def call(hub: EdgeHub, tmp_path: Path, deployed: list[dict[str, Any]]) -> AsyncIterator[Caller]:
    nothing = tmp_path / "no-certificate"
    sockets = WorkloadSockets(hub, tmp_path, Certificates(nothing, nothing, nothing, nothing))
    control = await serve(ControlApi(hub, sockets).application(), tmp_path / "control.sock")
    client = ControlClient(tmp_path / "control.sock")

    async def deploy(content: dict[str, Any]) -> None:
        deployed.append(content)

    documents = Documents(tmp_path / "iothub.db")
    devicebound = Devicebound(tmp_path / "iothub.db")
    iothub = IotHub(documents, RunningDevice("edge", client, deploy), devicebound)
    api = ServiceApi(iothub, Policy(KEY), (HOST, "hub.test"))
    service = await serve(api.application(), tmp_path / "service.sock")
    async with (
        aiohttp.ClientSession("http://control", connector=_to(tmp_path / "control.sock")) as behind,
        aiohttp.ClientSession("http://hub", connector=_to(tmp_path / "service.sock")) as session,
    ):
        caller = Caller(session, behind, control, iothub)
        await caller.deploy(manifest({"up": UPSTREAM}))
        yield caller
    await service.cleanup()
    documents.close()
    await devicebound.close()
    await sockets.close()
    await control.cleanup()


def _to(path: Path) -> aiohttp.UnixConnector:
    return aiohttp.UnixConnector(str(path))
