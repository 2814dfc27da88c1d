"""A whole hub in this process, real from the socket to the disk, which a test can restart: MQTT, control API, store."""

from __future__ import annotations

import json
import ssl
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from edge_runtime.heads.control import ControlApi
from edge_runtime.heads.mqtt.packets import Publish
from edge_runtime.heads.mqtt.server import MqttServer
from edge_runtime.heads.workload_sockets import WorkloadSockets
from edge_runtime.hub import sas
from edge_runtime.hub.certificates import Certificates, server_context
from edge_runtime.hub.message import ClientId
from edge_runtime.hub_ports import serve_optional
from tests.edge.manifest import deployment
from tests.heads.raw_client import RawClient
from tests.hub.running import running_hub
from tests.hub.upstreams import FlakyUpstream

IOTHUB = "hub.net"
EVENTS = "devices/edge/modules/{}/messages/events/{}"
INPUTS = "devices/edge/modules/{}/inputs/#"


class Device:
    """`edge`, its modules as clients of the test. `start` and `stop` as often as you like: the store stays."""

    def __init__(self, folder: Path, address: str, certificates: Certificates) -> None:
        self.upstream = FlakyUpstream()
        self._folder = folder
        self._address = address
        self._certificates = certificates
        self._running = AsyncExitStack()

    async def start(self) -> None:
        async with AsyncExitStack() as stack:
            self.hub = await stack.enter_async_context(
                running_hub(
                    self._folder, self.upstream, iothub_hostname=IOTHUB, gateway_hostname="gateway.local"
                )
            )
            tls = server_context(self._certificates)
            server = MqttServer(self.hub, tls)
            stack.push_async_callback(server.close)
            await server.listen(self._address, 8883)
            self.ports = await serve_optional(
                stack, self.hub, server, tls, self._address, metrics_port=0, instance="7"
            )
            sockets = WorkloadSockets(self.hub, self._folder, self._certificates)
            stack.push_async_callback(sockets.close)
            runner = web.AppRunner(ControlApi(self.hub, sockets).application())
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.UnixSite(runner, str(self._folder / "control.sock")).start()
            self._running = stack.pop_all()

    async def stop(self) -> None:
        await self._running.aclose()

    async def control(self, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and document that the control API answers."""
        connector = aiohttp.UnixConnector(str(self._folder / "control.sock"))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(verb, f"http://hub{path}", json=body) as response,
        ):
            return response.status, await response.json()

    async def deploy(self, routes: dict[str, Any], **twins: dict[str, Any]) -> dict[str, Any]:
        """`camera`, `classifier` and more modules with their desired properties; routes by name.

        Each module's `generationId` and `workloadUri`.
        """
        modules: dict[str, dict[str, Any]] = {"camera": {}, "classifier": {}, **twins}
        status, answer = await self.control("PUT", "/configuration", deployment(modules, routes))
        assert status == 200, answer
        deployed: dict[str, Any] = answer["modules"]
        return deployed

    def token(self, module: str, *, valid_s: int = 3600) -> bytes:
        identity = self.hub.identities.get(ClientId("edge", module))
        assert identity is not None
        audience = f"{IOTHUB}/devices/edge/modules/{module}"
        return sas.sign(audience, identity.keys[0], expiry=int(time.time()) + valid_s).encode()


class Clients:
    """Opens connections to a device; the test's end closes them."""

    def __init__(self, device: Device, address: str, certificates: Certificates) -> None:
        self._device = device
        self._address = address
        self._context = ssl.create_default_context(cadata=certificates.trust_bundle)
        self.stack = AsyncExitStack()

    async def open(self) -> RawClient:
        """TLS alone."""
        return await self.stack.enter_async_context(RawClient.open(self._address, self._context))

    async def connect(self, module: str, *, restored: bool | None = None, **fields: Any) -> RawClient:
        """Log in with a token of the module's own key; `restored`: whether a stored session must be present."""
        client = await self.open()
        fields.setdefault("password", self._device.token(module))
        connack = await client.log_in(f"edge/{module}", **fields)
        assert restored is None or connack.session_present is restored
        return client


async def send(client: RawClient, module: str, payload: bytes = b"x", bag: str = "%24.on=frames") -> None:
    """One message of the module, stored when this returns."""
    await client.publish(EVENTS.format(module, bag), payload)


async def answer(client: RawClient) -> tuple[str, Any]:
    """Topic and JSON of the next publish."""
    packet = await client.expect(Publish)
    return packet.topic, json.loads(packet.payload or b"null")
