"""The unmodified `azure-iot-device` SDK on the production path: workload socket, token, TLS, MQTT."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.iot.device import IoTHubDeviceClient, IoTHubModuleClient, MethodResponse
from azure.iot.device import Message as SdkMessage
from azure.iot.device.aio import IoTHubModuleClient as AioModuleClient
from azure.iot.device.exceptions import CredentialError

from edge_runtime.heads.mqtt.server import MqttServer
from edge_runtime.heads.workload import WorkloadApi, serve_workload
from edge_runtime.hub import sas
from edge_runtime.hub.certificates import Certificates, ensure_certificates, server_context
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.ports import JsonObject
from tests.heads.scripted_hub import ScriptedHub
from tests.patience import PATIENCE_S, eventually
from tests.sdk_client import MARKS, module_environment

pytestmark = MARKS

CAMERA = ClientId("edge", "camera")
KEY = b"k" * 32
HUB = "hub.azure-devices.net"
ODD = "ünï çødé /?&=+%#$ x"


class CheckingHub(ScriptedHub):
    """Checks tokens for real, and answers twin requests from one document."""

    document: JsonObject = {"desired": {"fps": 3, "$version": 1}, "reported": {"$version": 1}}  # noqa: RUF012

    def authenticate(self, client: ClientId, token: str) -> float:
        self.tokens.append(token)
        return sas.verify(token, client, keys=[KEY], hosts=[HUB], now=time.time())

    def twin(self, client: ClientId) -> JsonObject:
        return self.document


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sdk")


@pytest.fixture
def gateway(folder: Path, loopback: str) -> Certificates:
    return ensure_certificates(folder, gateway=loopback)


@pytest.fixture
async def hub(
    gateway: Certificates, loopback: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CheckingHub]:
    """The head and the workload API of module `camera`, and the environment that edgeAgent would give it."""
    hub = CheckingHub(iothub_hostname=HUB, gateway_hostname=loopback)
    api = WorkloadApi(
        module="camera",
        identity_uri="URI:x",
        key=lambda: KEY,
        certificates=gateway,
        modules=lambda: {"camera": "running"},
    )
    workload = await serve_workload(api, tmp_path / "camera.sock")
    mqtt = MqttServer(hub, server_context(gateway))
    await mqtt.listen(loopback, 8883)
    module_environment(monkeypatch, iothub=HUB, gateway=loopback, workload_uri=workload.uri)
    yield hub
    await mqtt.close()
    await workload.close()


@pytest.fixture
async def client(hub: CheckingHub) -> AsyncIterator[Any]:
    # Blocks on the workload API, which this very loop serves.
    client = await asyncio.to_thread(AioModuleClient.create_from_edge_environment)
    yield client
    await client.shutdown()


async def listen(client: Any, handler: str, queue: asyncio.Queue[Any]) -> None:
    """Set a handler of the SDK, off this loop: it blocks until the SUBACK, and runs on a loop of its own."""
    loop = asyncio.get_running_loop()

    async def handle(received: Any) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, received)

    await asyncio.to_thread(setattr, client, handler, handle)


def odd_message() -> Any:
    message: Any = SdkMessage(b"\x00body")
    message.message_id, message.correlation_id = "id/1", ODD
    message.content_type, message.content_encoding = "application/json", "utf-8"
    message.custom_properties = {"plain": "1", ODD: ODD, "empty": ""}
    return message


async def test_send_to_an_output(hub: CheckingHub, client: Any) -> None:
    await client.send_message_to_output(odd_message(), "frames")
    (received,) = hub.published
    assert (received.client, received.output, received.body) == (CAMERA, "frames", b"\x00body")
    assert received.app == {"plain": "1", ODD: ODD, "empty": None}
    assert received.sys == {
        "outputName": "frames",
        "messageId": "id/1",
        "cid": ODD,
        "contentType": "application/json",
        "contentEncoding": "utf-8",
    }
    assert hub.drops == []


async def test_receive_on_an_input(hub: CheckingHub, client: Any) -> None:
    received: asyncio.Queue[Any] = asyncio.Queue()
    await listen(client, "on_message_received", received)
    acked: list[bool] = []
    message = Message(
        ClientId("edge", "other"), "out", {ODD: ODD, "none": None}, {"messageId": "7", "cid": ODD}, b"body"
    )
    hub.links[CAMERA].deliver("in 1", message, redelivery=False, acked=lambda: acked.append(True))
    got = await asyncio.wait_for(received.get(), PATIENCE_S)
    assert (got.input_name, got.data, got.message_id, got.correlation_id) == ("in 1", b"body", "7", ODD)
    assert got.custom_properties == {ODD: ODD, "none": None, "$.cdid": "edge", "$.cmid": "other"}
    await eventually(lambda: acked)


async def test_twin(hub: CheckingHub, client: Any) -> None:
    patches: asyncio.Queue[Any] = asyncio.Queue()
    assert await client.get_twin() == hub.document
    await client.patch_twin_reported_properties({"state": {"on": True}})
    assert hub.reported == [{"state": {"on": True}}]
    await listen(client, "on_twin_desired_properties_patch_received", patches)
    hub.links[CAMERA].patch_desired({"fps": 5, "$version": 2}, 2)
    received = []
    async with asyncio.timeout(PATIENCE_S):
        while {"fps": 5, "$version": 2} not in received:
            received.append(await patches.get())


async def test_method(hub: CheckingHub, client: Any) -> None:
    async def handle(request: Any) -> None:
        payload = {"name": request.name, "got": request.payload}
        await client.send_method_response(MethodResponse.create_from_method_request(request, 201, payload))

    await asyncio.to_thread(setattr, client, "on_method_request_received", handle)
    hub.links[CAMERA].invoke("rid-1", "take snapshot", b'{"a": 1}')
    await eventually(lambda: hub.answers)
    assert hub.answers == [("rid-1", 201, b'{"name": "take snapshot", "got": {"a": 1}}')]


async def test_subscriptions_survive_a_dropped_connection(hub: CheckingHub, client: Any) -> None:
    received: asyncio.Queue[Any] = asyncio.Queue()
    await listen(client, "on_message_received", received)
    first = hub.links[CAMERA]
    first.close("test")
    await eventually(lambda: hub.links.get(CAMERA) not in (None, first))
    # The SDK does not subscribe again: the restored session alone makes this arrive.
    hub.links[CAMERA].deliver(
        "in", Message(CAMERA, None, {}, {}, b"after"), redelivery=False, acked=lambda: None
    )
    assert (await asyncio.wait_for(received.get(), PATIENCE_S)).data == b"after"


async def test_the_synchronous_client(hub: CheckingHub) -> None:
    received: list[Any] = []
    client: Any = await asyncio.to_thread(IoTHubModuleClient.create_from_edge_environment)
    try:
        await asyncio.to_thread(setattr, client, "on_message_received", received.append)
        await asyncio.to_thread(client.send_message_to_output, odd_message(), "frames")
        assert await asyncio.to_thread(client.get_twin) == hub.document
        message = Message(CAMERA, None, {"a": "b"}, {}, b"body")
        hub.links[CAMERA].deliver("in", message, redelivery=False, acked=lambda: None)
        await eventually(lambda: received)
    finally:
        await asyncio.to_thread(client.shutdown)
    assert hub.published[0].app == {"plain": "1", ODD: ODD, "empty": None}
    assert received[0].custom_properties["a"] == "b"


async def test_a_leaf_device_with_a_connection_string(
    hub: CheckingHub, gateway: Certificates, loopback: str
) -> None:
    def use() -> None:
        client = IoTHubDeviceClient.create_from_connection_string(
            f"HostName={HUB};DeviceId=leaf;SharedAccessKey=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=;"
            f"GatewayHostName={loopback}",
            server_verification_cert=gateway.trust_bundle,
        )
        try:
            client.send_message(SdkMessage("hello"))
        finally:
            client.shutdown()

    await asyncio.to_thread(use)
    assert [(message.client, message.output) for message in hub.published] == [(ClientId("leaf"), None)]


async def test_a_wrong_key_is_a_credential_error(
    hub: CheckingHub, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.heads.test_sdk.KEY", b"another key")
    with pytest.raises(CredentialError):
        await client.connect()
    assert hub.drops == [("edge/camera", "not_authenticated")]


async def test_a_renewed_token_keeps_the_session(hub: CheckingHub) -> None:
    # The SDK renews 120 s before the end, which it does by DISCONNECT and CONNECT.
    client: Any = await asyncio.to_thread(AioModuleClient.create_from_edge_environment, sastoken_ttl=121)
    received: asyncio.Queue[Any] = asyncio.Queue()
    try:
        await listen(client, "on_message_received", received)
        await eventually(lambda: CAMERA in hub.links and len(set(hub.tokens)) > 1)
        message = Message(CAMERA, None, {}, {}, b"after")
        async with asyncio.timeout(PATIENCE_S):
            while received.empty():  # the token is renewed every second, and this hub sends nothing again
                if CAMERA in hub.links:
                    hub.links[CAMERA].deliver("in", message, redelivery=False, acked=lambda: None)
                await asyncio.sleep(0.3)
        assert received.get_nowait().data == b"after"
        assert hub.drops == []
    finally:
        await client.shutdown()
