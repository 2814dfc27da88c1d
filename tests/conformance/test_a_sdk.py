"""How the unmodified Python SDK reacts, against a real hub in this process (A.1, A.7, B.7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.iot.device import Message, MethodResponse
from azure.iot.device.aio import IoTHubModuleClient

from edge_runtime.heads.mqtt import server
from edge_runtime.heads.mqtt.websocket import WebsocketTransport
from edge_runtime.hub.certificates import ensure_certificates
from edge_runtime.hub.message import ClientId
from tests.conformance.device import IOTHUB, Device
from tests.edge.manifest import route
from tests.patience import PATIENCE_S, eventually
from tests.sdk_client import MARKS, module_environment

pytestmark = MARKS

CAMERA = ClientId("edge", "camera")
ROUTES = {"loop": route("camera", "out", "camera", "in")}


@pytest.fixture
async def here(tmp_path: Path, loopback: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Device]:
    """A device whose certificate is for its address; in the environment is what its module `camera` gets."""
    device = Device(tmp_path, loopback, ensure_certificates(tmp_path / "c", gateway=loopback))
    await device.start()
    identity = (await device.deploy(ROUTES, camera={"fps": 1}))["camera"]
    module_environment(
        monkeypatch,
        iothub=IOTHUB,
        gateway=loopback,
        workload_uri=identity["workloadUri"],
        generation_id=identity["generationId"],
    )
    yield device
    await device.stop()


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[Any]:
    # Blocks on the workload API, which this very loop serves.
    client: Any = await asyncio.to_thread(
        IoTHubModuleClient.create_from_edge_environment, connection_retry_interval=1, **options
    )
    try:
        await client.connect()
        yield client
    finally:
        await client.shutdown()


async def listen(client: Any, handler: str) -> asyncio.Queue[Any]:
    """What the handler is given. It is set off this loop: that blocks until the SUBACK; and runs on another."""
    received: asyncio.Queue[Any] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def handle(thing: Any) -> None:
        loop.call_soon_threadsafe(received.put_nowait, thing)

    await asyncio.to_thread(setattr, client, handler, handle)
    return received


async def throw_out(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the camera's connection, and refuse it with CONNACK 3 from now on."""
    monkeypatch.setattr(server, "MAX_CLIENTS", 0)
    link = device.hub.connections.link(CAMERA)
    assert link is not None
    link.close("test")
    await eventually(lambda: not device.hub.connections.is_connected(CAMERA))


async def test_over_websockets_everything_works(here: Device) -> None:
    """A.1-7b, A.6-11b: port 443, path and sub-protocol are the SDK's own."""
    async with connected(websockets=True) as client:
        link = here.hub.connections.link(CAMERA)
        assert isinstance(getattr(link, "_transport", None), WebsocketTransport)
        messages = await listen(client, "on_message_received")
        patches = await listen(client, "on_twin_desired_properties_patch_received")
        body = bytes(range(256)) * 700
        await client.send_message_to_output(Message(body), "out")
        received = await asyncio.wait_for(messages.get(), PATIENCE_S)
        assert (received.input_name, received.data) == ("in", body)
        assert (await client.get_twin())["desired"]["fps"] == 1
        await client.patch_twin_reported_properties({"on": True})
        assert here.hub.twins.read(CAMERA)["reported"]["on"] is True
        await here.control("PATCH", "/modules/camera/twin/desired", {"fps": 2})
        async with asyncio.timeout(PATIENCE_S):
            while (await patches.get())["fps"] != 2:
                pass

        async def answer(request: Any) -> None:
            await client.send_method_response(MethodResponse.create_from_method_request(request, 200, "done"))

        await asyncio.to_thread(setattr, client, "on_method_request_received", answer)
        called = await here.control("POST", "/modules/camera/methods", {"methodName": "go"})
        assert called == (200, {"status": 200, "payload": "done"})
    await eventually(lambda: not here.hub.connections.is_connected(CAMERA))


async def test_a_lost_websocket_is_opened_again_with_its_subscriptions(here: Device) -> None:
    """A.1-7b, A.7-8c"""
    async with connected(websockets=True) as client:
        messages = await listen(client, "on_message_received")
        first = here.hub.connections.link(CAMERA)
        assert first is not None
        first.close("test")
        await eventually(lambda: here.hub.connections.link(CAMERA) not in (None, first))
        await client.send_message_to_output(Message("after"), "out")
        assert (await asyncio.wait_for(messages.get(), PATIENCE_S)).data == b"after"


async def test_after_connack_3_the_sdk_comes_back(here: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """A.7-2: it tries again and again while the hub says 3, and goes on where it was."""
    async with connected() as client:
        messages = await listen(client, "on_message_received")
        with monkeypatch.context() as patched:
            await throw_out(here, patched)
            await eventually(lambda: here.hub.statistics.dropped["too_many_clients"] >= 2)
            assert not client.connected
        await eventually(lambda: here.hub.connections.is_connected(CAMERA))
        await client.send_message_to_output(Message("after"), "out")
        assert (await asyncio.wait_for(messages.get(), PATIENCE_S)).data == b"after"


@pytest.mark.parametrize("ensure", [True, False])
async def test_what_was_desired_while_the_sdk_was_away(
    here: Device, monkeypatch: pytest.MonkeyPatch, ensure: bool
) -> None:
    """B.7-6c: it reads the twin, compares versions, and hands the whole section over as a patch, once."""
    async with connected(ensure_desired_properties=ensure) as client:
        # Or it would not be subscribed to the answers of what it asks by itself later.
        await client.get_twin()
        patches = await listen(client, "on_twin_desired_properties_patch_received")
        await here.control("PATCH", "/modules/camera/twin/desired", {"fps": 2})
        async with asyncio.timeout(PATIENCE_S):
            while (await patches.get())["fps"] != 2:
                pass
        with monkeypatch.context() as patched:
            await throw_out(here, patched)
            _, changed = await here.control("PATCH", "/modules/camera/twin/desired", {"side": 32})
        await eventually(lambda: here.hub.connections.is_connected(CAMERA))
        if ensure:
            missed = await asyncio.wait_for(patches.get(), PATIENCE_S)
            assert missed == {"fps": 2, "side": 32, "$version": changed["version"]}
        _, last = await here.control("PATCH", "/modules/camera/twin/desired", {"fps": 3})
        patch = await asyncio.wait_for(patches.get(), PATIENCE_S)
        assert patch == {"fps": 3, "$version": last["version"]}
        assert patches.empty()
