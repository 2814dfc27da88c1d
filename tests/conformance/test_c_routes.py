"""Sources, times to live and the end of routes, on a real hub (C.2, C.10, C.12)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from edge_runtime.heads.mqtt.packets import Publish
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.router import Router
from tests.conformance.device import INPUTS, Clients, Device, send
from tests.edge.manifest import route
from tests.patience import PATIENCE_S

LEAF, CAMERA = ClientId("leaf"), ClientId("edge", "camera")


@pytest.mark.parametrize(
    ("sender", "output", "source"),
    [
        (LEAF, None, "/messages/"),
        (CAMERA, None, "/messages/modules/camera/"),
        (CAMERA, "frames", "/messages/modules/camera/outputs/frames/"),
    ],
)
def test_where_a_message_comes_from(sender: ClientId, output: str | None, source: str) -> None:
    """C.2-1, C.2-2, C.2-3"""
    assert Message(sender, output, {}, {}, b"").source == source


async def test_leaf_devices_are_told_by_what_they_lack(device: Device) -> None:
    """C.2-8, C.2-9: a path of their own matches nobody."""
    await device.deploy(
        {
            "leaf": "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO $upstream",
            "path": "FROM /messages/leafDevices/* INTO $upstream",
        }
    )
    for client in (LEAF, CAMERA):
        stored = asyncio.Event()
        device.hub.publish(client, None, {}, {}, b"", stored.set)
        await asyncio.wait_for(stored.wait(), PATIENCE_S)
    await device.upstream.wait_for(1)
    assert [stored.message.sender for stored in device.upstream.taken] == [LEAF]
    assert device.hub.statistics.matched == {"leaf": 1}
    assert device.hub.statistics.dropped == {"no_route": 1}


async def test_before_the_first_configuration_all_goes_upstream_and_never_expires(device: Device) -> None:
    """C.10-8"""
    device.hub.publish(CAMERA, "frames", {}, {}, b"early", lambda: None)
    await device.upstream.wait_for(1)
    (stored,) = device.upstream.taken
    assert (stored.message.body, stored.expires) == (b"early", None)


@pytest.mark.parametrize(
    ("everywhere", "own", "seconds"),
    [(-1, 0, None), (-1, 60, 60), (0, 0, 0), (0, 60, 60), (7200, 0, 7200), (7200, 60, 60), (None, 0, None)],
)
def test_times_to_live(everywhere: int | None, own: int, seconds: int | None) -> None:
    """C.10-6a, C.10-11, G-26: the route's, else the global one; 0 at once, negative and none never."""
    desired: dict[str, Any] = {
        "schemaVersion": "1.2",
        "routes": {"up": {"route": "FROM /* INTO $upstream", "timeToLiveSecs": own}},
    }
    if everywhere is not None:
        desired["storeAndForwardConfiguration"] = {"timeToLiveSecs": everywhere}
    before = time.time()
    (copy,) = Router(desired, device_id="edge").copies(Message(CAMERA, None, {}, {}, b""))
    if seconds is None:
        assert copy.expires is None
    else:
        assert copy.expires is not None
        assert before + seconds <= copy.expires <= time.time() + seconds


async def test_messages_of_a_removed_route_are_kept(device: Device, clients: Clients) -> None:
    """C.12-7: and come when the module listens, over a restart of the hub too."""
    await device.deploy({"there": route("camera", "frames", "classifier")})
    await send(await clients.connect("camera"), "camera", b"kept")
    await device.deploy({})
    await device.stop()
    await device.start()
    classifier = await clients.connect("classifier")
    await classifier.subscribe(INPUTS.format("classifier"))
    assert (await classifier.expect(Publish)).payload == b"kept"
