"""The observer API over its real port, with a real hub behind it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edge_runtime.hub.configuration import apply_configuration
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.ports import Feature
from tests.heads.serving import TOKEN, served_observer
from tests.hub.links import RecordingLink
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import TO_CLASSIFIER, UPSTREAM, manifest
from tests.patience import PATIENCE_S, eventually

CAMERA, CLASSIFIER = ClientId("edge", "camera"), ClientId("edge", "classifier")
BEARER = {"Authorization": f"Bearer {TOKEN}"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
JSON = {"contentType": "application/json"}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EdgeHub]:
    async with running_hub(tmp_path) as hub:
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER, "b": UPSTREAM}))
        yield hub


@pytest.fixture
async def observer(hub: EdgeHub) -> AsyncIterator[aiohttp.ClientSession]:
    async with served_observer(hub) as session:
        yield session


async def lines(response: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE_S):
        return [json.loads(await response.content.readline()) for _ in range(count)]


def publish(hub: EdgeHub, sys: dict[str, str], body: bytes, **app: str) -> None:
    hub.publish(CAMERA, "frames", app, sys, body, lambda: None)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
@pytest.mark.parametrize("path", ["/v1/snapshot", "/v1/feed", "/v1/explain"])
async def test_the_observer_needs_its_token(
    observer: aiohttp.ClientSession, headers: dict[str, str], path: str
) -> None:
    verb = "POST" if path == "/v1/explain" else "GET"
    async with observer.request(verb, path, headers=headers) as response:
        assert response.status == 401


async def test_a_snapshot_shows_modules_routes_and_queues(
    observer: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    await hub.report(ClientId("edge", "$edgeAgent"), {"modules": {"camera": {"runtimeStatus": "running"}}})
    hub.attach(CAMERA, RecordingLink(), frozenset())
    async with observer.get("/v1/snapshot", params={"token": TOKEN}) as response:
        body = await response.json()
    assert body["modules"]["camera"] == {"runtimeStatus": "running", "connected": True}
    assert body["modules"]["classifier"] == {"connected": False}
    assert [(route["name"], route["matched"]) for route in body["routes"]] == [("a", 0), ("b", 0)]
    nothing = {"queued": 0, "unacknowledged": 0, "byPriority": [], "delivered": 0}
    assert body["endpoints"] == [
        {"endpoint": "iothub", **nothing},
        {"endpoint": "classifier/frames", **nothing},
    ]


async def test_a_way_that_is_switched_off_is_not_connected_though_nothing_was_sent(
    observer: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    publish(hub, {}, b"x")
    await eventually(lambda: hub.upstream.connected)
    for on in (True, False, True):
        hub.switch_upstream(on=on)
        async with observer.get("/v1/snapshot", headers=BEARER) as response:
            body = await response.json()
        assert (body["upstreamConnected"], body["upstreamSwitchedOff"]) == (on, not on)


async def test_the_feed_tells_what_was_stored(observer: aiohttp.ClientSession, hub: EdgeHub) -> None:
    async with observer.get("/v1/feed?types=stored", headers=BEARER) as response:
        (hello,) = await lines(response, 1)
        assert (hello["type"], hello["stored"], hello["sampling"]) == ("hello", 0, None)
        publish(hub, {**JSON, "messageId": "m1"}, b'{"a": 1}', label="frog")
        (stored,) = await lines(response, 1)
    assert stored["body"] == '{"a": 1}'
    assert stored["endpoints"] == ["classifier/frames", "iothub"]
    assert stored["app"] == {"label": "frog"}
    assert "trace" not in stored


async def test_a_sample_of_the_feed_has_bodies_and_traces(
    observer: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    types = "stored,delivered"
    async with observer.get(f"/v1/feed?types={types}&sample=1&sampleBytes=100", headers=BEARER) as response:
        (hello,) = await lines(response, 1)
        assert hello["sampling"] == {"tracesPerSecond": 1, "bytesPerSecond": 100}
        publish(
            hub, {"contentType": "image/jpeg"}, b"\xff\xd8", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01"
        )
        (stored, delivered) = await lines(response, 2)
    assert (stored["trace"], stored["bodyBase64"]) == (TRACE, "/9g=")
    assert (delivered["endpoint"], delivered["trace"]) == ("iothub", TRACE)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sample=0", "sample: a whole number from 1 to 1000"),
        ("sample=-1", "sample: a whole number from 1 to 1000"),
        ("sample=1001", "sample: a whole number from 1 to 1000"),
        (f"sample={'9' * 5000}", "sample: a whole number from 1 to 1000"),
        ("sample=", "sample: a whole number from 1 to 1000"),
        ("sample=1.5", "sample: a whole number from 1 to 1000"),
        ("sample=%D9%A3", "sample: a whole number from 1 to 1000"),
        ("sample=5&sampleBytes=-1", "sampleBytes: a whole number from 0 to 67108864"),
        ("sample=5&sampleBytes=67108865", "sampleBytes: a whole number from 0 to 67108864"),
        ("sampleBytes=5", "sampleBytes: means nothing without sample"),
    ],
)
async def test_a_sample_out_of_bounds_is_refused(
    observer: aiohttp.ClientSession, hub: EdgeHub, query: str, message: str
) -> None:
    async with observer.get(f"/v1/feed?{query}", headers=BEARER) as response:
        assert response.status == 400  # before all else: a feed has no end
        assert await response.json() == {"message": message}
    assert not hub.feed.readers


async def test_a_snapshot_tells_where_messages_go_wait_and_end(
    observer: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    hub.switch_upstream(on=False)
    publish(hub, {}, b"x")
    hub.publish(ClientId("edge"), None, {}, {}, b"x", lambda: None)
    await eventually(lambda: hub.statistics.stored == 2 and hub.upstream.unconfirmed == 2)
    hub.drop(CAMERA, "bad_topic", "what it was")
    async with observer.get("/v1/snapshot", headers=BEARER) as response:
        body = await response.json()
    assert [(route["source"], route["endpoint"]) for route in body["routes"]] == [
        ("/messages/modules/camera/outputs/frames", "classifier/frames"),
        ("/messages/*", "iothub"),
    ]
    assert {entry.pop("endpoint"): entry for entry in body["endpoints"]} == {
        "iothub": {
            "queued": 0,
            "unacknowledged": 2,
            "byPriority": [{"priority": 2_000_000_000, "length": 0}],
            "delivered": 0,
        },
        "classifier/frames": {
            "queued": 1,
            "unacknowledged": 0,
            "byPriority": [{"priority": 2_000_000_000, "length": 1}],
            "delivered": 0,
        },
    }
    assert body["drops"] == [
        {
            "reason": "bad_topic",
            "module": "camera",
            "output": None,
            "endpoint": None,
            "route": None,
            "count": 1,
        }
    ]
    assert (body["upstreamConnected"], body["upstreamSwitchedOff"]) == (False, True)


async def test_drops_tell_the_way_on_which_they_happened(
    observer: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    short_lived = {"route": TO_CLASSIFIER, "timeToLiveSecs": 1}
    await apply_configuration(
        hub, manifest({"short": short_lived, "other": TO_CLASSIFIER.replace("camera", "b")})
    )
    publish(hub, {}, b"x")
    hub.publish(CAMERA, "preview", {}, {}, b"x", lambda: None)
    await eventually(lambda: hub.statistics.stored == 1)
    (delivery,) = hub.deliveries.values()

    async def expired() -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while not hub.statistics.dropped["ttl_expiry"]:
                await asyncio.sleep(0.05)
                await delivery.queues.discard_expired()
        async with observer.get("/v1/snapshot", headers=BEARER) as response:
            return dict(await response.json())

    common = {"module": "camera", "count": 1}
    assert (await expired())["drops"] == [
        {**common, "reason": "no_route", "output": "preview", "endpoint": None, "route": None},
        {
            **common,
            "reason": "ttl_expiry",
            "output": "frames",
            "endpoint": "classifier/frames",
            "route": "short",
        },
    ]
    again = {"short": short_lived, "also": TO_CLASSIFIER}
    await apply_configuration(hub, manifest(again))
    # Which of the two it was nobody knows.
    assert [drop["route"] for drop in (await expired())["drops"]] == [None, None]


async def test_a_frame_and_what_came_of_it_are_one_trace(
    observer: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    """Its deliveries, the prediction made of it, and the drop of a message that no route takes."""
    frames_only = {
        "frames": TO_CLASSIFIER,
        "predictions": "FROM /messages/modules/classifier/* INTO $upstream",
    }
    await apply_configuration(hub, manifest(frames_only))
    link = RecordingLink()
    hub.attach(CLASSIFIER, link, frozenset({Feature.INPUTS}))
    traceparent = f"00-{TRACE}-00f067aa0ba902b7-01"
    path = "/v1/feed?types=stored,delivered,dropped,stored:iothub,delivered:iothub&sample=5"
    async with observer.get(path, headers=BEARER) as response:
        await lines(response, 1)
        publish(hub, {"messageId": "f1"}, b"\xff\xd8", traceparent=traceparent, n="1")
        await eventually(lambda: bool(link.confirmations))
        link.confirmations[0]()
        frame = await lines(response, 2)
        app = {"traceparent": traceparent}
        hub.publish(CLASSIFIER, "predictions", app, {**JSON, "messageId": "p1"}, b"{}", lambda: None)
        prediction = await lines(response, 2)
        hub.publish(CAMERA, "preview", app, {"messageId": "x1"}, b"", lambda: None)
        (dropped,) = await lines(response, 1)
    told = [*frame, *prediction, dropped]
    assert [(d["type"], d.get("endpoint"), d.get("endpoints")) for d in told] == [
        ("stored", None, ["classifier/frames"]),
        ("delivered", "classifier/frames", None),
        ("stored", None, ["iothub"]),
        ("delivered", "iothub", None),
        ("dropped", None, None),
    ]
    assert {d["trace"] for d in told} == {TRACE}
    assert (told[0]["bodyBase64"], told[2]["body"]) == ("/9g=", "{}")


async def test_what_goes_upstream_can_be_asked_for_alone(
    observer: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    await apply_configuration(
        hub, manifest({"a": TO_CLASSIFIER, "b": "FROM /messages/modules/b/* INTO $upstream"})
    )
    async with observer.get("/v1/feed?types=stored:iothub", headers=BEARER) as response:
        await lines(response, 1)
        for n in range(200):
            publish(hub, {"messageId": f"f{n}"}, b"")
            hub.publish(ClientId("edge", "b"), "o", {}, {"messageId": f"e{n}"}, b"", lambda: None)
        told = await lines(response, 200)
    assert [d["sys"]["messageId"] for d in told] == [f"e{n}" for n in range(200)]


async def test_each_route_of_the_hub_is_explained(observer: aiohttp.ClientSession) -> None:
    message = {"module": "camera", "output": "other", "app": {}, "sys": {}, "body": {"a": 1}}
    async with observer.post("/v1/explain", json=message, headers=BEARER) as response:
        assert response.status == 200
        explained = await response.json()
    assert [(route["name"], route["text"], route["matched"]) for route in explained["routes"]] == [
        ("a", TO_CLASSIFIER, False),
        ("b", UPSTREAM, True),
    ]
    (note,) = explained["routes"][0]["notes"]
    assert note.startswith("the message comes from /messages/modules/camera/outputs/other/, the route takes ")
    assert [match["endpoint"] for match in explained["matches"]] == ["iothub"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{half", 400, "the body is not JSON"),
        (b"[" * 100_000, 400, "the body is not JSON"),
        (b"\xff", 400, "the body is not JSON"),
        (b"[]", 400, "a message is a JSON object: write {...}"),
        (b'{"app": {"a": 1}}', 400, '"app.a" is 1: properties are text, write "1"'),
        (b'{"body": "%s"}' % (b"x" * 262_145), 400, "the body has 262145 bytes: 262144 are the most"),
        (b'{"body": "%s"}' % (b"x" * 2_097_152), 413, "the body: at most 2097152 bytes"),
    ],
)
async def test_what_cannot_be_explained_is_refused(
    observer: aiohttp.ClientSession, body: bytes, status: int, message: str
) -> None:
    async with observer.post("/v1/explain", data=io.BytesIO(body), headers=BEARER) as response:
        assert response.status == status
        assert message in (await response.json())["message"]


async def test_what_is_explained_may_hold_anything(observer: aiohttp.ClientSession, hub: EdgeHub) -> None:
    await apply_configuration(hub, manifest({"a": 'FROM /* WHERE $body.a.b = 1 AND x = "y" INTO $upstream'}))
    message = {
        "module": "\ud800<script>",
        "output": "../..",
        "app": {"x": None, "\ud800": "\udfff"},
        "sys": {"contentType": "application/json", "contentEncoding": "utf-8"},
        "body": "[" * 10_000,
    }
    async with observer.post("/v1/explain", json=message, headers=BEARER) as response:
        assert response.status == 200
        (route,) = (await response.json())["routes"]
    assert (route["matched"], route["sourceMatched"]) == (False, True)
    assert not hub.statistics.stored


async def test_a_hostile_client_does_not_make_the_snapshot_large(
    hub: EdgeHub, observer: aiohttp.ClientSession
) -> None:
    for number in range(200):
        stranger = ClientId("edge", f"{number:04}" + "m" * 30_000)
        hub.drop(stranger, "not_authenticated", "no such client")
        output = f"{number:04}" + "o" * 60_000
        hub.statistics.message_dropped("no_route", Message(CAMERA, output, {}, {}, b""))
    hub.drop(CAMERA, "bad_topic", "what it was")
    async with observer.get("/v1/snapshot", headers=BEARER) as response:
        text = await response.text()
    assert len(text) < 100_000
    drops = json.loads(text)["drops"]
    nothing = {"module": None, "output": None, "endpoint": None, "route": None}
    assert drops[0] == {"reason": "not_authenticated", **nothing, "count": 200}
    assert drops[-1]["reason"] == "other"
    assert len(drops) == 101
    assert sum(drop["count"] for drop in drops) == 401
