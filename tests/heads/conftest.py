"""A real MQTT head over real TLS; the hub behind it does as the test tells it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from edge_runtime.heads.mqtt.server import MqttServer
from edge_runtime.hub.certificates import Certificates, ensure_certificates, server_context
from tests.heads.raw_client import RawClient
from tests.heads.scripted_hub import ScriptedHub

Connect = Callable[..., Awaitable[RawClient]]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"), gateway="gateway.local")


@pytest.fixture
def hub() -> ScriptedHub:
    return ScriptedHub()


@pytest.fixture
async def server(hub: ScriptedHub, certificates: Certificates, loopback: str) -> AsyncIterator[MqttServer]:
    server = MqttServer(hub, server_context(certificates))
    await server.listen(loopback, 8883)
    yield server
    await server.close()


@pytest.fixture
async def connect(server: MqttServer, certificates: Certificates, loopback: str) -> AsyncIterator[Connect]:
    """Open TLS connections to the head; with a client id, log in and check the CONNACK as well."""
    context = ssl.create_default_context(cadata=certificates.trust_bundle)
    async with AsyncExitStack() as stack:

        async def open_client(client_id: str | None = "edge/camera", **options: Any) -> RawClient:
            client = await stack.enter_async_context(RawClient.open(loopback, context))
            if client_id is not None:
                await client.log_in(client_id, **options)
            return client

        yield open_client
