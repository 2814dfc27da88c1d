"""Sections A and B, and pitfalls of G, by raw MQTT clients on a real hub."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from edge_runtime.heads.mqtt.connection import MAX_PENDING_ACKS
from edge_runtime.heads.mqtt.packets import Disconnect, Puback, Publish
from tests.conformance.device import EVENTS, INPUTS, Clients, Device, answer, send
from tests.edge.manifest import route
from tests.patience import eventually

THERE = {"there": route("camera", "frames", "classifier")}
DESIRED = "$iothub/twin/PATCH/properties/desired/#"
METHODS = "$iothub/methods/POST/#"
RESPONSES = "$iothub/twin/res/#"
REPORT = "$iothub/twin/PATCH/properties/reported/?$rid=1"


async def test_a_restarted_hub_restores_the_subscriptions(device: Device, clients: Clients) -> None:
    """A.6-16b, A.7-8b, A.7-8c, G-4: inputs, methods and twin topics, none of them subscribed to again."""
    await device.deploy(THERE)
    before = await clients.connect("classifier", restored=False)
    await before.subscribe(INPUTS.format("classifier"), METHODS, DESIRED, RESPONSES)
    await device.stop()
    await before.expect_closed()
    await device.start()

    after = await clients.connect("classifier", restored=True)
    await send(await clients.connect("camera", restored=False), "camera", b"after")
    assert (await after.expect(Publish)).payload == b"after"
    await device.control("PATCH", "/modules/classifier/twin/desired", {"topK": 3})
    assert await answer(after) == (
        "$iothub/twin/PATCH/properties/desired/?$version=2",
        {"topK": 3, "$version": 2},
    )
    after.send(Publish("$iothub/twin/GET/?$rid=7", b" "))
    topic, twin = await answer(after)
    assert (topic, twin["desired"]) == ("$iothub/twin/res/200/?$rid=7", {"topK": 3, "$version": 2})


async def test_a_fight_over_one_identity_is_told(
    device: Device, clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    """A.6-17b, G-19: who, from where, and how often."""
    await device.deploy({})
    caplog.set_level(logging.WARNING)
    losers = [await clients.connect("camera") for _ in range(2)]
    last = await clients.connect("camera")
    for loser in losers:
        await loser.expect_closed()
    await last.ping()
    told = [record.getMessage() for record in caplog.records if "connected again" in record.getMessage()]
    assert [("edge/camera" in text, text.count("from 127.")) for text in told] == [(True, 2), (True, 2)]
    assert "2 times" in told[1]


async def test_a_module_that_does_not_listen_is_waited_for(device: Device, clients: Clients) -> None:
    """B.4-7d, C.12-4, G-36: connected is not enough, and the subscription is all that was missing."""
    await device.deploy(THERE)
    classifier, camera = await clients.connect("classifier"), await clients.connect("camera")
    await send(camera, "camera", b"1")
    await classifier.subscribe(METHODS)
    await send(camera, "camera", b"2")
    await classifier.ping()
    assert not device.hub.statistics.dropped
    await classifier.subscribe(INPUTS.format("classifier"))
    received = [await classifier.expect(Publish) for _ in range(2)]
    assert [packet.payload for packet in received] == [b"1", b"2"]
    assert received[0].topic.startswith("devices/edge/modules/classifier/inputs/frames/")
    assert not received[0].dup


async def test_more_than_the_window_of_messages_without_a_route_are_acknowledged(
    device: Device, clients: Clients
) -> None:
    """B.5-1b, C.11-3, G-17: or the client would stop with its window full."""
    await device.deploy(THERE)
    camera = await clients.connect("camera")
    numbers = range(1, 2 * MAX_PENDING_ACKS + 1)
    camera.send(*(Publish(EVENTS.format("camera", "%24.on=nowhere"), b"x", 1, number) for number in numbers))
    assert [await camera.expect(Puback) for _ in numbers] == [Puback(number) for number in numbers]
    assert device.hub.statistics.dropped == {"no_route": len(numbers)}


async def test_qos_2_ends_the_connection(device: Device, clients: Clients) -> None:
    """B.5-3a"""
    await device.deploy(THERE)
    camera = await clients.connect("camera")
    topic = EVENTS.format("camera", "%24.on=frames").encode()
    body = len(topic).to_bytes(2) + topic + b"\0\1x"
    camera.send(bytes((0x34, len(body))) + body)
    await camera.expect_closed()
    assert device.hub.statistics.dropped == {"qos_2": 1}
    assert device.hub.statistics.stored == 0


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        (b'{"a.b": 1}', 400),
        (b'{"a": {"$b": 1}}', 400),
        (b'{"a": [1, null]}', 400),
        (b'{"a": {"b": [{"c": [null]}]}}', 400),
        (b'{"a": [1, {"b": "x"}, [true]]}', 204),  # an array is a value
        (b'{"a": null}', 204),
    ],
)
async def test_a_reported_patch_that_breaks_a_rule_is_answered_400_and_not_stored(
    device: Device, clients: Clients, patch: bytes, status: int
) -> None:
    """B.7-8, G-35"""
    await device.deploy({})
    camera = await clients.connect("camera")
    await camera.subscribe(RESPONSES)
    camera.send(Publish(REPORT, patch))
    assert await answer(camera) == (f"$iothub/twin/res/{status}/?$rid=1", None)
    _, twin = await device.control("GET", "/modules/camera/twin")
    assert twin["reported"]["$version"] == (2 if status == 204 else 1)
    assert ("a" in twin["reported"]) is (status == 204 and b"null" not in patch)


async def test_a_method_that_nobody_handles_is_a_504(device: Device, clients: Clients) -> None:
    """B.8-3c, G-22: the SDKs say nothing of a method without handler, and neither does the hub."""
    await device.deploy({})
    camera = await clients.connect("camera")
    await camera.subscribe(METHODS)
    call = {"methodName": "unheard", "responseTimeoutInSeconds": 1}
    status, document = await device.control("POST", "/modules/camera/methods", call)
    assert status == 504
    assert "unheard" in document["message"]
    assert (await camera.expect(Publish)).topic.startswith("$iothub/methods/POST/unheard/?$rid=")
    await camera.ping()


async def test_a_route_asks_for_cid(device: Device, clients: Clients) -> None:
    """C.6-2a, G-12: the correlation id goes by its inner name in routes, by its wire name on the wire."""
    routes: dict[str, Any] = {
        "cid": route("camera", "frames", "classifier", "asked", where="$cid = 'c 7'"),
        "long": route("camera", "frames", "classifier", "never", where="$correlationId = 'c 7'"),
    }
    await device.deploy(routes)
    classifier, camera = await clients.connect("classifier"), await clients.connect("camera")
    await classifier.subscribe(INPUTS.format("classifier"))
    await send(camera, "camera", bag="%24.on=frames&%24.cid=other")
    await send(camera, "camera", bag="%24.on=frames&%24.cid=c%207")
    received = await classifier.expect(Publish)
    assert received.topic.startswith("devices/edge/modules/classifier/inputs/asked/%24.cid=c%207&")
    assert device.hub.statistics.matched == {"cid": 1}


async def test_a_renewed_token_costs_nothing(device: Device, clients: Clients) -> None:
    """G-6: what came in between is delivered, nothing counts as a loss or a fight, the old token holds as well."""
    await device.deploy(THERE)
    old, new = device.token("classifier", valid_s=60), device.token("classifier", valid_s=3600)
    classifier, camera = await clients.connect("classifier", password=old), await clients.connect("camera")
    await classifier.subscribe(INPUTS.format("classifier"))
    for token, payload in ((new, b"1"), (old, b"2"), (new, b"3")):
        classifier.send(Disconnect())
        await classifier.expect_closed()
        await eventually(lambda: len(device.hub.connections) == 1)
        await send(camera, "camera", payload)
        classifier = await clients.connect("classifier", restored=True, password=token)
        received = await classifier.expect(Publish)
        assert (received.payload, received.dup) == (payload, False)
        assert received.packet_id
        classifier.send(Puback(received.packet_id))
        await classifier.ping()
    assert not device.hub.statistics.dropped
    assert not device.hub.connections.steals
